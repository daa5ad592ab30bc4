//! The extension's process.

/// Whatever is freed is overwritten first: secrets pass through the buffers of
/// TLS, of the AWS SDK and of hyper, which do not do it themselves.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    snowmelt_extension::run()
}
