//! The client in the repository is the one that the events make.

use std::path::Path;

use cafe_protocol::ORDERS;
use samewire_codegen::{ClientPackage, stale};

#[test]
fn the_client_is_up_to_date() {
    let version = env!("CARGO_PKG_VERSION");
    let package = ClientPackage { name: "cafe-client", version, domains: &[&ORDERS] };
    let files = package.generate().expect("types that can be expressed");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../page/client");
    let stale = stale(&folder, &files).expect("readable files");
    assert!(
        stale.is_empty(),
        "run `cargo run --package cafe-protocol --example client` for {stale:?}"
    );
}
