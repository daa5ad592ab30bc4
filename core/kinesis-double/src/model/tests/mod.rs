//! One test for each thing that `README.md` says of the model.

mod disorder;
mod listing;
mod quotas;
mod reading;
mod resharding;
mod writing;

use super::*;

pub(super) const T0: u64 = 1_800_000_000_000;
pub(super) const HOUR: u64 = 3_600_000;

/// A service with the stream `s` of `shards` shards, made at [`T0`].
pub(super) fn service(settings: Settings, shards: u32) -> Kinesis {
    let mut kinesis = Kinesis::new(settings, 7);
    kinesis.create_stream(T0, "s", shards).unwrap();
    kinesis
}

pub(super) fn plain(shards: u32) -> Kinesis {
    service(Settings::default(), shards)
}

pub(super) fn entry(data: &str) -> PutEntry {
    let (data, partition_key) = (data.as_bytes().to_vec(), "k".to_owned());
    PutEntry { data, partition_key, explicit_hash_key: None }
}

pub(super) fn put(kinesis: &mut Kinesis, now: u64, data: &str) -> PutOk {
    kinesis.put_records(now, "s", vec![entry(data)]).unwrap().remove(0).unwrap()
}

pub(super) fn shard(number: u32) -> String {
    format!("shardId-{number:012}")
}

pub(super) fn iterator(kinesis: &mut Kinesis, now: u64, number: u32, kind: &IteratorType) -> String {
    kinesis.get_shard_iterator(now, "s", &shard(number), kind).unwrap()
}

pub(super) fn texts(page: &GetRecordsOutput) -> Vec<String> {
    page.records.iter().map(|r| String::from_utf8(r.data.to_vec()).unwrap()).collect()
}

/// Reads a shard from an iterator to its tip or end; the data in order.
pub(super) fn drain(kinesis: &mut Kinesis, now: u64, iterator: String) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), Some(iterator));
    while let Some(iterator) = next {
        let page = kinesis.get_records(now, &iterator, None).unwrap();
        all.extend(texts(&page));
        next = page.next_iterator.filter(|_| page.millis_behind_latest > 0);
    }
    all
}

pub(super) fn big(text: &str) -> Sequence {
    text.parse().unwrap()
}
