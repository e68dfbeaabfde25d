//! The npm package that an application makes of its own events (client.md, section 3).

use std::collections::BTreeSet;

use samewire_protocol::{Domain, event};

use crate::{Error, GeneratedFile, checks, javascript::HEAD, model::Model, typescript};

/// The version of the package `samewire` that this crate goes with.
const SAMEWIRE: &str = env!("CARGO_PKG_VERSION");

const CLIENT: &str = "
import { createClient as create } from 'samewire'
import * as checks from './checks.js'

export * from 'samewire'

export const createClient = (url, options) => create(url, { ...options, checks })
";

const CLIENT_TYPES: &str = "
import type { Emit, Meta } from 'samewire/protocol'

export * from 'samewire'

";

const HOOKS: &str = "'use client'

import { createElement } from 'react'
import { SamewireProvider as Provider } from 'samewire/react'
import * as checks from './checks.js'

export * from 'samewire/react'

export const SamewireProvider = (props) =>
  createElement(Provider, props.client ? props : { ...props, options: { ...props.options, checks } })
";

const HOOKS_TYPES: &str = "
import './index.js'

export * from 'samewire/react'
";

/// An application's client: the package `samewire` with the application's events beside Samewire's own.
///
/// It needs no compiler, neither for WebAssembly nor for TypeScript: events are data to the client.
///
/// # Examples
/// ```
/// use samewire_codegen::ClientPackage;
///
/// samewire_protocol::events! {
///     /// Games of chess.
///     domain CHESS = "chess";
///
///     /// A piece was moved.
///     server "piece-moved" in [samewire_protocol::RoomKind("game")];
///     pub struct PieceMoved {
///         /// The square it went to.
///         pub to: String,
///     }
/// }
///
/// let package = ClientPackage { name: "chess-client", version: "1.0.0", domains: &[&CHESS] };
/// let folder = std::env::temp_dir().join("chess-client");
/// samewire_codegen::write(&folder, &package.generate()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ClientPackage<'a> {
    /// Its name for npm.
    pub name: &'a str,
    /// Its version for npm.
    pub version: &'a str,
    /// The application's own domains.
    pub domains: &'a [&'static Domain],
}

impl ClientPackage<'_> {
    /// Its files, to be [written](crate::write) to a folder.
    ///
    /// - `index.js`: `createClient`, whose clients check the application's events, and all else of `samewire`.
    /// - `react.js`: the same of `samewire/react`.
    /// - `index.d.ts`: the events' types, told to `samewire` too, so that every method and hook knows them.
    ///
    /// # Errors
    /// When a type can't be expressed, or an event's name is taken; the error names it.
    pub fn generate(&self) -> Result<Vec<GeneratedFile>, Error> {
        self.check_names()?;
        let model = Model::read(self.domains)?;
        let file = GeneratedFile::new;
        Ok(vec![
            file("package.json", self.manifest()),
            file("checks.js", checks::write(&model)),
            file("index.js", format!("{HEAD}{CLIENT}")),
            file(
                "index.d.ts",
                format!("{HEAD}{CLIENT_TYPES}{}", typescript::declare_custom(&model)),
            ),
            file("react.js", format!("{HEAD}{HOOKS}")),
            file("react.d.ts", format!("{HEAD}{HOOKS_TYPES}")),
        ])
    }

    /// A page that is told of one name hears one type.
    fn check_names(&self) -> Result<(), Error> {
        let mut names = BTreeSet::new();
        for info in self.domains.iter().flat_map(|domain| domain.events) {
            let way = (info.direction, info.name);
            if event::find(info.direction, info.name).is_some() || !names.insert(way) {
                return Err(Error::EventTaken(info.name.into()));
            }
        }
        Ok(())
    }

    /// In this order: of the conditions that fit, the first is taken, and types come first.
    fn manifest(&self) -> String {
        let [name, version] = [self.name, self.version].map(serde_json::Value::from);
        format!(
            r#"{{
  "name": {name},
  "version": {version},
  "type": "module",
  "sideEffects": false,
  "exports": {{
    ".": {{ "types": "./index.d.ts", "default": "./index.js" }},
    "./react": {{ "types": "./react.d.ts", "default": "./react.js" }}
  }},
  "peerDependencies": {{ "react": "^18.0.0 || ^19.0.0", "samewire": "^{SAMEWIRE}" }},
  "peerDependenciesMeta": {{ "react": {{ "optional": true }} }}
}}
"#
        )
    }
}
