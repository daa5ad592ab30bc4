//! Linker flags that addons need on some systems.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_FAMILY")
        .is_ok_and(|family| !family.split(',').any(|one| one == "wasm"))
    {
        napi_build::setup();
    }
}
