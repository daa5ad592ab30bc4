//! The extension's process.

/// Whatever is freed is overwritten first: secrets pass through the buffers of
/// TLS, of the AWS SDK and of hyper, which do not do it themselves.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    // A panic's message may quote what it was about.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        println!("snowmelt-extension panicked at {place}: please report it");
    }));
    snowmelt_extension::run()
}
