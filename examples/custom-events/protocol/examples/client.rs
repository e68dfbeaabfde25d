//! Writes the café's client: `cargo run --package cafe-protocol --example client`.

use std::{error::Error, path::Path};

use cafe_protocol::ORDERS;
use samewire_codegen::ClientPackage;

fn main() -> Result<(), Box<dyn Error>> {
    let package = ClientPackage {
        name: "cafe-client",
        version: env!("CARGO_PKG_VERSION"),
        domains: &[&ORDERS],
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../page/client");
    for file in samewire_codegen::write(&folder, &package.generate()?)? {
        println!("wrote page/client/{}", file.display());
    }
    Ok(())
}
