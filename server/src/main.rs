//! `samewire-server`: flags to server.

use std::process::ExitCode;

use samewire_server::{Config, logging, serve};

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
