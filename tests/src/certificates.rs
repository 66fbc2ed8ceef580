//! Certificates for tests, made by `openssl` on this machine and never checked in.
//!
//! One authority signs the server's (for 127.0.0.1 and localhost) and the client's; a second authority signs a stranger's,
//! for tests that want a refusal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Error, cache, command};

const DAYS: &str = "3650";
const OPENSSL_MAX: Duration = Duration::from_secs(30);

/// Paths of PEM files; the keys are PKCS#8 without a password.
#[derive(Debug, Clone)]
pub struct Certificates {
    folder: PathBuf,
}

/// A certificate and its key, as clients take them: two files.
#[derive(Debug, Clone)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The certificates of this machine, made on the first call.
pub fn cached() -> Certificates {
    try_cached().unwrap_or_else(|error| panic!("{error}"))
}

pub fn try_cached() -> Result<Certificates, Error> {
    Ok(Certificates { folder: cache::once("certificates-1", make)? })
}

impl Certificates {
    /// Signed the server's and the client's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    pub fn client(&self) -> Identity {
        self.identity("client")
    }

    /// Signed by an authority that the broker does not know.
    pub fn stranger(&self) -> Identity {
        self.identity("stranger")
    }

    pub fn server(&self) -> Identity {
        self.identity("server")
    }

    /// Key and certificate in one file, as Kafka takes them.
    pub(crate) fn server_bundle(&self) -> PathBuf {
        self.folder.join("server-bundle.pem")
    }

    fn identity(&self, name: &str) -> Identity {
        Identity { certificate: self.folder.join(format!("{name}.pem")), key: self.folder.join(format!("{name}.key")) }
    }
}

fn make(folder: &Path) -> Result<(), Error> {
    authority(folder, "authority")?;
    authority(folder, "other-authority")?;
    signed(folder, "server", "authority")?;
    signed(folder, "client", "authority")?;
    signed(folder, "stranger", "other-authority")?;
    let read = |name| fs::read_to_string(folder.join(name)).map_err(Error::file("read a certificate in", folder));
    let bundle = folder.join("server-bundle.pem");
    fs::write(&bundle, read("server.key")? + &read("server.pem")?).map_err(Error::file("write", &bundle))
}

fn authority(folder: &Path, name: &str) -> Result<(), Error> {
    let arguments = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
    request(folder, name, &arguments)
}

fn signed(folder: &Path, name: &str, authority: &str) -> Result<(), Error> {
    let (certificate, key) = (format!("{authority}.pem"), format!("{authority}.key"));
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    request(
        folder,
        name,
        &["-CA", &certificate, "-CAkey", &key, "-addext", "basicConstraints=CA:FALSE", "-addext", names],
    )
}

fn request(folder: &Path, name: &str, arguments: &[&str]) -> Result<(), Error> {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder);
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]);
    openssl.args(["-days", DAYS, "-subj", &format!("/CN={name}")]).args(arguments);
    openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
    command::run(&mut openssl, b"", OPENSSL_MAX).map(drop)
}
