//! What stands around servers where they are deployed, and tests start it or ask it: proxies, and
//! Prometheus' checker of rules.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Error, Result};

use super::apt;
use crate::{
    program::{Program, found},
    progress::missing,
    workspace,
};

/// The programs.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// nginx.
    pub(crate) nginx: PathBuf,
    /// Caddy.
    pub(crate) caddy: PathBuf,
    /// What checks Prometheus' rules.
    pub(crate) promtool: PathBuf,
}

/// A program, the package that has it and where it lies in there.
struct Packaged {
    name: &'static str,
    variable: &'static str,
    package: &'static str,
    place: &'static str,
    version: &'static str,
}

const NGINX: Packaged = Packaged {
    name: "nginx",
    variable: "NGINX",
    package: "nginx",
    place: "usr/sbin/nginx",
    version: "-v",
};
const CADDY: Packaged = Packaged {
    name: "caddy",
    variable: "CADDY",
    package: "caddy",
    place: "usr/bin/caddy",
    version: "version",
};
const PROMTOOL: Packaged = Packaged {
    name: "promtool",
    variable: "PROMTOOL",
    package: "prometheus",
    place: "usr/bin/promtool",
    version: "--version",
};

/// Finds each: where its variable says, in `PATH`, or in Debian's package, from which it is taken
/// without an installation: that would start a proxy on this machine's own ports.
pub(super) fn ensure() -> Result<Deployment> {
    Ok(Deployment { nginx: NGINX.ensure()?, caddy: CADDY.ensure()?, promtool: PROMTOOL.ensure()? })
}

impl Packaged {
    fn ensure(&self) -> Result<PathBuf> {
        let named = env::var_os(self.variable).map(PathBuf::from).filter(|file| file.is_file());
        let own = workspace::tools().join("bin").join(self.name);
        let known = [named, found(self.name), Some(own.clone())].into_iter().flatten();
        if let Some(program) = known.into_iter().find(|program| self.runs(program)) {
            return Ok(program);
        }
        self.unpack(&own).map_err(|why| self.refusal(&why))?;
        Ok(own)
    }

    fn unpack(&self, own: &Path) -> Result<()> {
        let folder = workspace::tools().join(self.package);
        apt::unpack(self.package, &folder)?;
        fs::create_dir_all(own.parent().context("a folder")?)?;
        fs::copy(folder.join(self.place), own)
            .with_context(|| format!("its package has no {}", self.place))?;
        fs::remove_dir_all(&folder)?;
        Program::new(own).arg(self.version).quietly()
    }

    fn runs(&self, program: &Path) -> bool {
        Program::new(program).arg(self.version).printed().is_some()
    }

    fn refusal(&self, why: &Error) -> Error {
        let Self { name, variable, .. } = self;
        let advice = format!("install {name} and have it in PATH, or name it in {variable}");
        missing(name, format!("{why:#}"), &advice)
    }
}
