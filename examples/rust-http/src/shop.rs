//! The origin: products, and pages that are slow to make.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

/// What a real page takes to be put together.
const SLOW: Duration = Duration::from_millis(300);

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Product {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) price: f64,
}

/// A database in memory.
#[derive(Clone, Default)]
pub(crate) struct Shop {
    products: Arc<Mutex<BTreeMap<u32, Product>>>,
    queries: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let shop = Self::default();
        let goods = [("apple", "fruit", 0.4), ("pear", "fruit", 0.5), ("leek", "vegetable", 1.2)];
        for (id, (name, tag, price)) in (1..).zip(goods) {
            shop.lock().insert(id, Product { id, name, tag, price });
        }
        shop
    }

    pub(crate) async fn product(&self, id: u32) -> Option<Product> {
        self.slowly().await;
        self.lock().get(&id).cloned()
    }

    pub(crate) async fn products(&self, tag: Option<&str>) -> Vec<Product> {
        self.slowly().await;
        self.lock().values().filter(|product| tag.is_none_or(|tag| product.tag == tag)).cloned().collect()
    }

    /// Whether there is such a product.
    pub(crate) fn set_price(&self, id: u32, price: f64) -> bool {
        self.lock().get_mut(&id).map(|product| product.price = price).is_some()
    }

    /// How often a page was made.
    pub(crate) fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    async fn slowly(&self) {
        self.queries.fetch_add(1, Ordering::Relaxed);
        sleep(SLOW).await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Product>> {
        self.products.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
