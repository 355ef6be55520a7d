//! What is kept of an earlier run and what is made anew.

use super::*;
use std::time::{Duration, SystemTime};

const FORMATS: &str = "labels,json,masks,cihp,coco";

#[test]
fn damaged_results_are_made_anew() {
    let folder = Folder::with_photos("damaged");
    folder.write("q.jpg", &jpeg_photo());
    let parse = || folder.parse(&format!("p.jpg q.jpg --out out --formats {FORMATS} --zip --resume"));
    parse().is(0, &["2 photos parsed"]);
    let files: Vec<_> = folder.files().into_iter().filter(|file| file.starts_with("out/")).collect();
    let whole: Vec<_> = files.iter().map(|file| folder.read(file)).collect();
    parse().is(0, &["0 photos parsed, 2 kept"]);
    for damaged in
        ["out/p.png", "out/q.json", "out/coco/q.json", "out/masks/p/masks.json", "out/cihp/Human_ids/p.png"]
    {
        let bytes = folder.read(damaged);
        let mut zeros = bytes.clone();
        zeros[bytes.len() / 2..].fill(0);
        for broken in [&[][..], &bytes[..bytes.len() / 2], &zeros] {
            folder.write(damaged, broken);
            parse().is(0, &["1 photos parsed, 1 kept"]);
            for (file, bytes) in files.iter().zip(&whole) {
                assert!(folder.read(file) == *bytes, "{file} after {damaged}");
            }
        }
    }
    // Nobody knows what made the results if that is lost.
    let run = folder.read("out/.bodymap/run.json");
    for broken in [&[][..], &run[..run.len() / 2]] {
        folder.write("out/.bodymap/run.json", broken);
        parse().is(0, &["2 photos parsed, 0 kept"]);
        assert!(folder.read("out/.bodymap/run.json") == run);
    }
    for damaged in ["out/coco.json", "out/cihp.zip", "out/cihp/labels.txt"] {
        let bytes = folder.read(damaged);
        for broken in [&[][..], &bytes[..bytes.len() / 2]] {
            if damaged.ends_with(".txt") && !broken.is_empty() {
                // Half a text may be somebody's.
                continue;
            }
            folder.write(damaged, broken);
            parse().is(0, &["0 photos parsed, 2 kept"]);
            assert!(folder.read(damaged) == bytes, "{damaged}");
        }
    }
}

#[test]
fn empty_files_of_earlier_versions_are_made_anew() {
    let folder = Folder::with_photos("empty");
    folder.write("out/coco/p.json", b"");
    folder.parse("p.jpg --out out --formats coco").is(1, &["(name-clash)"]);
    folder.parse("p.jpg --out out --formats coco --resume").is(0, &["1 photos parsed"]);
    folder.parse("p.jpg --out out --formats coco --resume").is(0, &["1 kept"]);
    let coco: serde_json::Value = serde_json::from_slice(&folder.read("out/coco.json")).unwrap();
    assert_eq!(coco["images"][0]["file_name"], "p.jpg");
}

#[test]
fn a_photo_that_was_replaced_is_parsed_anew_even_by_an_older_one() {
    let folder = Folder::with_photos("older");
    let parse = || folder.parse("p.png --out out --formats labels --resume");
    parse().is(0, &["1 photos parsed"]);
    parse().is(0, &["1 kept"]);
    let labels = folder.read("out/p.png");
    // Another picture, taken long before.
    folder.write("p.png", &std::fs::read(people_model("labels.png")).unwrap());
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = std::fs::File::options().append(true).open(folder.path("p.png")).unwrap();
    file.set_modified(old).unwrap();
    parse().is(0, &["1 photos parsed"]);
    assert_ne!(folder.read("out/p.png"), labels);
    parse().is(0, &["1 kept"]);
    // The same size, but older still.
    file.set_modified(old - Duration::from_secs(5)).unwrap();
    parse().is(0, &["1 photos parsed"]);
}

#[test]
fn a_run_goes_on_wherever_it_was_stopped() {
    let folder = Folder::with_photos("stopped");
    let line = format!("p.png --out out --formats {FORMATS} --resume");
    folder.parse(&line).is(0, &["1 photos parsed"]);
    let files: Vec<_> = folder.files().into_iter().filter(|file| file.starts_with("out/")).collect();
    // After each number of files as an earlier run left them.
    for stopped in (0..files.len()).step_by(3) {
        for file in &files[stopped..] {
            std::fs::remove_file(folder.path(file)).unwrap();
        }
        folder.parse(&line).is(0, &[]);
        let now: Vec<_> = folder.files().into_iter().filter(|file| file.starts_with("out/")).collect();
        assert_eq!(now, files, "stopped after {stopped}");
    }
    // Killed for real, at any moment.
    for wait in [0, 20, 40, 60, 80, 100, 150] {
        let mut child = folder
            .parse_command(&format!("p.jpg --out killed --formats {FORMATS} --zip --resume"))
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
    }
    folder.parse(&format!("p.jpg --out killed --formats {FORMATS} --zip --resume")).is(0, &[]);
    folder.parse(&format!("p.jpg --out killed --formats {FORMATS} --zip --resume")).is(0, &["1 kept"]);
}
