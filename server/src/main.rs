//! `samewire-server`: flags to server.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use samewire_server::{Config, logging, serve};

// A fan-out frees on one thread what another has allocated. See docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::from_env();
    logging::init();
    match serve::run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("samewire-server: {error}");
            ExitCode::FAILURE
        }
    }
}
