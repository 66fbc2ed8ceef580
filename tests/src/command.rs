//! A short-lived program: input in, output out, never longer than a limit.

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// Runs `command` to its end with `stdin` as its input. An exit status other than 0 is an error that carries what was printed.
pub fn run(command: &mut Command, stdin: &[u8], limit: Duration) -> Result<Vec<u8>, Error> {
    let shown = show(command);
    let output = output(command, stdin, limit)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::Failed { command: shown, status: output.status, output: both(&output) })
}

/// Like [`run`], for callers to whom a failure is an answer.
pub fn output(command: &mut Command, stdin: &[u8], limit: Duration) -> Result<Output, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let shown = show(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::program(&program))?;
    let mut input = child.stdin.take().expect("invariant: stdin is piped");
    let out = child.stdout.take().expect("invariant: stdout is piped");
    let err = child.stderr.take().expect("invariant: stderr is piped");

    thread::scope(|scope| {
        // A program that does not read its input closes the pipe: its exit status tells, not this write.
        scope.spawn(move || drop(input.write_all(stdin)));
        let stdout = scope.spawn(|| read(out));
        let stderr = scope.spawn(|| read(err));
        let ended = wait(&mut child, limit);
        let status = match ended.map_err(Error::program(&program))? {
            Some(status) => Ok(status),
            None => Err(child.kill().and_then(|()| child.wait()).map_err(Error::program(&program))?),
        };
        let text = "invariant: reading a pipe into memory does not panic";
        let (stdout, stderr) = (stdout.join().expect(text), stderr.join().expect(text));
        match status {
            Ok(status) => Ok(Output { status, stdout, stderr }),
            Err(status) => Err(Error::Late { command: shown, limit, output: both(&Output { status, stdout, stderr }) }),
        }
    })
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() >= end => return Ok(None),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn read(mut pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A broken pipe ends the output; what was read until then is what there is to show.
    drop(pipe.read_to_end(&mut bytes));
    bytes
}

fn both(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn input_larger_than_a_pipe_passes_through() {
        let input = vec![b'x'; 1 << 20];
        assert_eq!(run(&mut Command::new("cat"), &input, LIMIT).unwrap(), input);
    }

    #[test]
    fn a_failure_shows_what_was_printed() {
        let error = run(&mut sh("echo to stdout; echo to stderr >&2; exit 3"), b"", LIMIT).unwrap_err().to_string();
        assert!(error.contains("to stdout") && error.contains("to stderr") && error.contains('3'), "{error}");
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let error = run(&mut sh("echo begun; exec sleep 1000"), b"", Duration::from_millis(300)).unwrap_err();
        assert!(matches!(&error, Error::Late { output, .. } if output == "begun"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = run(&mut Command::new("no-such-program"), b"", LIMIT).unwrap_err().to_string();
        assert!(error.contains("no-such-program") && error.contains("apt-get install"), "{error}");
    }
}
