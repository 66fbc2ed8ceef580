//! What other programs know of this one: completions for shells, pages for `man`.

use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::{Cli, Completions, Man};
use crate::failure::Failure;
use crate::terminal;

pub fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tripline", &mut script);
    terminal::print(String::from_utf8_lossy(&script))
}

pub fn manual(args: &Man) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    match &args.folder {
        Some(folder) => write_pages(&command, folder),
        None => terminal::print(String::from_utf8_lossy(&page(&command)?)),
    }
}

fn write_pages(command: &Command, folder: &Path) -> Result<(), Failure> {
    let written = std::fs::create_dir_all(folder);
    written.map_err(|source| Failure::File { doing: "cannot make the directory", path: folder.to_owned(), source })?;
    for command in all(command) {
        let path = folder.join(format!("{}.1", name(&command)));
        let written = std::fs::write(&path, page(&command)?);
        written.map_err(|source| Failure::File { doing: "cannot write the page", path, source })?;
    }
    Ok(())
}

/// The command and everything below it.
fn all(command: &Command) -> Vec<Command> {
    let below = command.get_subcommands().flat_map(all);
    std::iter::once(command.clone()).chain(below).collect()
}

/// `tripline-topology-apply`: one page a command, as git has them.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command.clone()).title(name(command)).render(&mut page);
    rendered.map_err(|source| Failure::Io { doing: "render the page", source })?;
    Ok(page)
}
