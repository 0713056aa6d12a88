//! Help texts and the parsing of whole command lines.

use clap::{CommandFactory, Parser, error::ErrorKind};

use super::*;

fn parsed(line: &str) -> Cli {
    Cli::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> ErrorKind {
    Cli::try_parse_from(line.split_whitespace()).err().unwrap_or_else(|| panic!("{line} is accepted")).kind()
}

/// All visible commands, as the words that one types.
fn commands(command: &clap::Command, words: &[String]) -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let mut words = words.to_vec();
        words.push(sub.get_name().to_owned());
        found.push((words.join(" "), sub.clone()));
        found.extend(commands(sub, &words));
    }
    found
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example_in_its_help() {
    for (words, command) in commands(&Cli::command(), &["hone".to_owned()]) {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.contains("Example"), "`{words}` has no example");
        assert!(command.get_about().is_some(), "`{words}` says nothing about itself");
    }
}

#[test]
fn help_texts_are_as_written_down() {
    let mut all = String::new();
    let mut root = Cli::command().term_width(100);
    root.build();
    all += &format!("# hone\n\n{}\n", root.clone().render_long_help());
    for (words, mut command) in commands(&root, &["hone".to_owned()]) {
        // The common options are the same everywhere; once is enough.
        let help = command.render_help().to_string();
        let own = help.split("\nCommon options:").next().unwrap_or_default().trim_end();
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        all += &format!("# {words}\n\n{own}\n\n{examples}\n\n");
    }
    insta::assert_snapshot!("help", all);
}

#[test]
fn common_options_stand_anywhere() {
    for line in ["hone --data d study ls", "hone study --data d ls", "hone study ls --data d", "hone --data d worker ls"] {
        assert_eq!(parsed(line).common.data.as_deref(), Some(std::path::Path::new("d")), "{line}");
    }
}

#[test]
fn worker_attaches_or_looks_after_workers_but_not_both() {
    let Command::Worker(args) = parsed("hone worker --join host:1 --slots 2").command else { panic!("a worker") };
    assert_eq!((args.join.join.as_deref(), args.join.machine.slots), (Some("host:1"), Some(2)));
    assert!(args.command.is_none());
    assert!(matches!(parsed("hone worker ls").command, Command::Worker(WorkerArgs { command: Some(_), .. })));
    assert_eq!(refused("hone worker --join host:1 ls"), ErrorKind::ArgumentConflict);
}

#[test]
fn studies_default_to_the_last_one_only_where_nothing_is_changed() {
    let Command::Study(StudyCommand::Show { study, .. }) = parsed("hone study show").command else { panic!("show") };
    assert_eq!(study.study, "last");
    for line in ["pause", "resume", "stop", "cancel", "rm"] {
        assert_eq!(refused(&format!("hone study {line}")), ErrorKind::MissingRequiredArgument, "{line}");
    }
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    for line in [
        "hone run --workers 2 --no-worker",
        "hone run --name a --fork b",
        "hone trial ls --all --limit 3",
        "hone run --workers 0",
    ] {
        let kind = refused(line);
        assert!(matches!(kind, ErrorKind::ArgumentConflict | ErrorKind::ValueValidation), "{line}: {kind:?}");
    }
}

#[test]
fn wrong_usage_ends_with_exit_code_2_and_help_with_0() {
    assert_eq!(Cli::try_parse_from(["hone", "fly"]).unwrap_err().exit_code(), 2);
    assert_eq!(Cli::try_parse_from(["hone", "study", "ls", "--output", "xml"]).unwrap_err().exit_code(), 2);
    assert_eq!(Cli::try_parse_from(["hone", "run", "--help"]).unwrap_err().exit_code(), 0);
}

#[test]
fn a_negative_value_is_a_value() {
    let Command::Report(args) = parsed("hone report --step 3 loss=-1").command else { panic!("report") };
    assert_eq!((args.step, args.values), (Some(3), vec!["loss=-1".to_owned()]));
}
