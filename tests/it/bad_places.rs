//! Where data should lie and a coordinator should listen, and cannot: each is named with the way out.

use std::net::TcpListener;

use crate::support::{Hone, Place, Study, system::Tmpfs};

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    let tmpfs = Tmpfs::mount(&place.path("read-only"), "1m");
    tmpfs.make_read_only();
    let hone = Hone::new(&place).with_data("read-only/data");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["study", "ls"]] {
        let said = hone.run(command).fails(74);
        assert!(said.contains("read-only/data") && said.contains("--data"), "{said}");
    }
}

#[test]
fn a_file_where_the_data_should_be_is_named() {
    let place = Place::new();
    place.write("data", "not a folder");
    let said = Hone::new(&place).run(&["serve", "--listen", "127.0.0.1:0"]).fails(74);
    assert!(said.contains("/data"), "{said}");
}

#[test]
fn a_port_in_use_is_named_and_the_store_stays_closed() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = hone.run(&["serve", "--listen", &address]);
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains(&address) && output.stderr.contains("--listen"), "{output:?}");
    assert!(!hone.data().join("coordinator.json").exists());
    assert_eq!(hone.run(&["study", "ls", "--output", "json"]).json().as_array().map(Vec::len), Some(0));
}

#[test]
fn a_second_coordinator_on_a_store_learns_who_holds_it() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let coordinator = hone.serve();
    let said = hone.run(&["serve", "--listen", "127.0.0.1:0"]).fails(4);
    assert!(said.contains(&coordinator.pid().to_string()), "the holder {} is not named: {said}", coordinator.pid());
    assert_eq!(hone.run(&["study", "ls", "--output", "json"]).json().as_array().map(Vec::len), Some(0), "the first goes on");
}

#[test]
fn a_coordinator_that_is_not_there_is_named() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let missing = format!("unix:{}", place.path("nobody.sock").display());
    let said = hone.run(&["--server", &missing, "study", "ls"]).fails(6);
    assert!(said.contains("nobody.sock"), "{said}");
}

#[test]
fn a_store_of_a_newer_format_is_refused_by_name_and_left_alone() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["study", "create", &Study::new("kept", 1, "true").write(&place).display().to_string()]).ok();
    let manifest = hone.data().join("MANIFEST");
    let before = std::fs::read(&manifest).expect("the manifest");
    std::fs::write(&manifest, newer_format(&before)).expect("the manifest");
    let changed = std::fs::read(&manifest).expect("the manifest");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["study", "ls"]] {
        let said = hone.run(command).fails(74);
        assert!(said.contains("format") && said.contains("upgrade hone"), "{said}");
    }
    assert_eq!(std::fs::read(&manifest).expect("the manifest"), changed, "a refused store was written to");
    std::fs::write(&manifest, before).expect("the manifest");
    assert_eq!(hone.run(&["study", "ls", "--output", "json"]).json()[0]["name"], "kept");
}

/// The manifest of a later version: another format number, everything else as it was.
fn newer_format(manifest: &[u8]) -> Vec<u8> {
    crate::support::manifest::with_format(manifest, 9_999)
}
