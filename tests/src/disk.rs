//! A small disk of its own, to be filled or to be read only: a tmpfs, which takes root.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Dropping it takes it away.
#[derive(Debug)]
pub struct Disk {
    dir: TempDir,
}

impl Disk {
    /// `options` of mount, such as `48m` or `1m,ro` after `size=`. None, said aloud, where this process may not mount.
    pub fn mount(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={options}"), "tmpfs"])
            .arg(dir.path())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("SKIPPED: may not mount a tmpfs here, so nothing was seen of a full or read-only disk");
        }
        mounted.then_some(Self { dir })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what still uses it keeps it until it ends.
        drop(Command::new("umount").arg("--lazy").arg(self.dir.path()).status());
    }
}
