//! Help is part of the interface: every page is held against the one that was last agreed on.

use std::collections::BTreeSet;
use std::fs;

use crate::tripline::{Home, golden};

/// Every command, from the pages that `man` writes.
fn commands(home: &Home) -> Vec<Vec<String>> {
    let pages = home.path("man");
    let written = home.run(&["man", pages.to_str().unwrap()]);
    assert_eq!(written.status, 0, "{written:?}");
    let names: BTreeSet<String> = fs::read_dir(pages)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap().trim_end_matches(".1").to_owned())
        .collect();
    assert!(names.contains("tripline-topology-apply"), "{names:?}");
    names.iter().map(|name| name.split('-').skip(1).map(str::to_owned).collect()).collect()
}

#[test]
fn the_help_of_every_command_is_as_agreed() {
    let home = Home::new();
    for command in commands(&home) {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let help = home.run(&args);
        assert_eq!((help.status, help.stderr.as_str()), (0, ""), "{args:?}");
        let file = golden("help").join(format!("tripline {}.txt", command.join(" ")).replace(" .", "."));
        testbed::golden::check(&file, &help.stdout);
    }
}

#[test]
fn the_help_of_every_command_that_does_something_has_examples() {
    let home = Home::new();
    for command in commands(&home).into_iter().filter(|command| !command.is_empty()) {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let help = home.run(&args).stdout;
        assert!(help.contains("Examples:\n  "), "{args:?} has no examples:\n{help}");
    }
}

#[test]
fn manual_pages_render_without_a_word_from_groff() {
    let home = Home::new();
    for command in commands(&home) {
        let page = home.path("man").join([&["tripline".to_owned()], &command[..]].concat().join("-") + ".1");
        let rendered = std::process::Command::new("groff")
            // Without the backspaces that make letters bold on a printer.
            .args(["-man", "-Tutf8", "-ww", "-P-cbu"])
            .arg(&page)
            .output()
            .expect("groff, of Debian's package groff-base");
        let text = String::from_utf8_lossy(&rendered.stdout);
        assert_eq!(String::from_utf8_lossy(&rendered.stderr), "", "{}", page.display());
        assert!(text.contains("NAME") && text.contains("SYNOPSIS"), "{}: {text}", page.display());
    }
}

#[test]
fn completions_parse_in_bash() {
    let home = Home::new();
    let script = home.run(&["completions", "bash"]);
    assert_eq!(script.status, 0);
    let file = home.write("completions.bash", &script.stdout);
    let parsed = std::process::Command::new("bash").args(["-n", &file]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&parsed.stderr), "");
    let completed = std::process::Command::new("bash")
        .args(["-c", &format!("source {file}; COMP_WORDS=(tripline topo); COMP_CWORD=1; _tripline tripline topo tripline; echo ${{COMPREPLY[@]}}")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "topology\n");
}

#[test]
fn what_is_mistyped_is_usage_in_either_form() {
    let home = Home::new();
    let text = home.run(&["tali", "alerts.v1"]);
    assert_eq!(text.status, 2);
    assert!(text.stderr.contains("'tail'"), "names the nearest: {}", text.stderr);
    let json = home.run(&["send", "--output", "json", "--strickt"]);
    assert_eq!(json.status, 2);
    let error: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(error["error"]["status"], 2);
    assert!(error["error"]["message"].as_str().unwrap().contains("--strict"), "{error}");
}
