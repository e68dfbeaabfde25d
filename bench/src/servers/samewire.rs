//! Our server as it is run, with sign-in, log and metrics, and the bench's two events.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use samewire_protocol::room::{ROOM, RoomAddress};
use samewire_server::{Config, Context, Domain, Registry, logging, serve};
use serde::Serialize;

// The same as the server's own program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

samewire_protocol::events! {
    /// What the bench asks of a server.
    domain BENCH = "bench";

    /// Says something to everybody in a room.
    client "say" -> Nothing;
    pub struct Say {
        /// The room's name.
        pub room: String,
        /// What is said.
        pub data: String,
    }

    /// Nothing to tell.
    pub struct Nothing {}

    /// Answered with itself.
    client "echo" -> Echo;
    pub struct Echo {
        /// What was sent.
        pub data: String,
    }
}

/// What a room is sent.
#[derive(Serialize)]
struct Said {
    data: String,
}

struct Bench;

impl Domain for Bench {
    fn register(self, registry: &mut Registry) {
        registry.on(async |context: Context, say: Say| {
            let room = RoomAddress::new(ROOM, say.room);
            context.engine.publish_value(&room, "said", &Said { data: say.data }).await?;
            Ok(Nothing {})
        });
        registry.on(async |_: Context, echo: Echo| Ok(echo));
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::from_env();
    logging::init();
    match serve::run_with(config, Bench).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-samewire: {error}");
            ExitCode::FAILURE
        }
    }
}
