//! The `bodymap` command: files in, files out, exit status.
#![cfg(feature = "cli")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/samples");

fn bodymap(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bodymap")).args(arguments).output().unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

struct Png {
    info: png::OutputInfo,
    palette: Option<Vec<u8>>,
    pixels: Vec<u8>,
}

fn read_png(bytes: &[u8]) -> Png {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let palette = reader.info().palette.as_ref().map(|palette| palette.to_vec());
    Png { info, palette, pixels }
}

#[test]
fn a_photo_gives_four_files_that_agree() {
    let out = folder("four_files");
    let photo = format!("{SAMPLES}/skimage_astronaut.png");
    let output = bodymap(&["parse", &photo, "--out", text(&out)]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");

    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    let labels = read_png(&read("skimage_astronaut.png"));
    assert_eq!((labels.info.width, labels.info.height), (512, 512));
    assert_eq!(labels.info.color_type, png::ColorType::Indexed);
    let palette = labels.palette.unwrap();
    assert_eq!(palette.len(), 60);
    assert_eq!(palette[6..9], [255, 0, 0]);
    assert!(labels.pixels.iter().all(|&class| class < 20));
    assert!([2, 13].iter().all(|class| labels.pixels.contains(class)), "no hair or face");

    let colormap = read_png(&read("skimage_astronaut.colormap.png"));
    let overlay = read_png(&read("skimage_astronaut.overlay.png"));
    for (i, &class) in labels.pixels.iter().enumerate() {
        let colour = &palette[3 * class as usize..][..3];
        assert_eq!(&colormap.pixels[3 * i..][..3], colour, "pixel {i}");
    }
    assert_eq!(overlay.pixels.len(), colormap.pixels.len());
    assert_ne!(overlay.pixels, colormap.pixels);

    let json: serde_json::Value = serde_json::from_slice(&read("skimage_astronaut.json")).unwrap();
    assert_eq!((json["width"].as_u64(), json["height"].as_u64()), (Some(512), Some(512)));
    assert_eq!(json["model"], "default");
    let mut from_masks = vec![0; labels.pixels.len()];
    for mask in json["masks"].as_array().unwrap() {
        let png = base64::engine::general_purpose::STANDARD.decode(mask["mask"].as_str().unwrap()).unwrap();
        let class = mask["class_id"].as_u64().unwrap() as u8;
        let score = mask["score"].as_f64().unwrap();
        assert!(score > 0.0 && score <= 1.0);
        assert!(mask["label"].is_string() && mask["person"].is_u64());
        for (label, bit) in from_masks.iter_mut().zip(read_png(&png).pixels) {
            assert!(bit == 0 || bit == 255);
            if bit != 0 {
                *label = class;
            }
        }
    }
    assert_eq!(from_masks, labels.pixels);
}

#[test]
fn bad_files_are_reported_and_the_others_run() {
    let folder = folder("bad_files");
    let (good, cut, empty) =
        (format!("{SAMPLES}/mpl_grace_hopper.jpg"), folder.join("cut.jpg"), folder.join("empty.png"));
    let bytes = std::fs::read(&good).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(&empty, b"").unwrap();
    let twin = folder.join("mpl_grace_hopper.jpg");
    std::fs::copy(&good, &twin).unwrap();
    let out = folder.join("out");
    let output = bodymap(&[
        "parse",
        text(&cut),
        text(&empty),
        text(&folder.join("missing.jpg")),
        &good,
        text(&twin),
        "--out",
        text(&out),
        "--formats",
        "labels",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    for (file, code) in [
        ("cut.jpg", "truncated"),
        ("empty.png", "empty-file"),
        ("missing.jpg", "io"),
        ("hopper.jpg", "name-clash"),
    ] {
        assert!(errors.lines().any(|l| l.contains(file) && l.contains(code)), "{file} {code} in {errors}");
    }
    assert!(errors.contains("4 of 5"), "{errors}");
    assert_eq!(files_below(&out), ["mpl_grace_hopper.png"]);
}

#[test]
fn models_are_checked_before_they_run() {
    let folder = folder("bad_models");
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models/default");
    let card = std::fs::read_to_string(format!("{models}/card.json")).unwrap();
    let onnx = std::fs::read(format!("{models}/default.onnx")).unwrap();
    let card_file = folder.join("card.json");
    let photo = format!("{SAMPLES}/skimage_astronaut.png");
    let parse = || {
        let output = bodymap(&["parse", &photo, "--out", text(&folder), "--model", text(&card_file)]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(parse().contains("(io)"));

    std::fs::write(&card_file, &card).unwrap();
    assert!(parse().contains("default.onnx"));
    let mut flipped = onnx.clone();
    flipped[onnx.len() / 2] ^= 1;
    std::fs::write(folder.join("default.onnx"), flipped).unwrap();
    assert!(parse().contains("(wrong-hash)"));
    std::fs::write(folder.join("default.onnx"), &onnx[..onnx.len() / 2]).unwrap();
    assert!(parse().contains("(wrong-hash)"));

    std::fs::write(&card_file, card.replacen("\"label_set\"", "\"lable_set\"", 1)).unwrap();
    let error = parse();
    assert!(error.contains("(bad-card)") && error.contains("lable_set"), "{error}");
}

#[test]
fn a_palette_of_ones_own_colours_everything() {
    let folder = folder("palette");
    let palette = folder.join("grey.json");
    let colours: Vec<String> = (0..20).map(|i| format!("{{\"hsv\": [0, 0, {}]}}", i as f32 / 20.0)).collect();
    std::fs::write(&palette, format!("[{}]", colours.join(","))).unwrap();
    let photo = format!("{SAMPLES}/skimage_astronaut.png");
    let out = folder.join("out");
    let run = |palette: &str| {
        bodymap(&["parse", &photo, "--out", text(&out), "--formats", "labels,colormap", "--palette", palette])
    };
    let output = run(text(&palette));
    assert!(output.status.success(), "{output:?}");
    let colormap = read_png(&std::fs::read(out.join("skimage_astronaut.colormap.png")).unwrap());
    assert!(colormap.pixels.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    assert!(colormap.pixels.iter().any(|&value| value > 0));
    let output = run("pink");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("bad-option"));
}

/// A file of the test model whose answer is known; see `tests/models/make_people.py`.
fn people_model(name: &str) -> String {
    format!("{}/tests/models/people/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn people_are_told_apart_in_every_setting() {
    let known = |name: &str| read_png(&std::fs::read(people_model(name)).unwrap()).pixels;
    let (labels, people) = (known("labels.png"), known("people.png"));
    for setting in ["fast", "fine"] {
        let out = folder(&format!("people_{setting}"));
        let output = bodymap(&[
            "parse",
            &people_model("photo.png"),
            "--model",
            &people_model("card.json"),
            "--setting",
            setting,
            "--formats",
            "labels,people,json",
            "--out",
            text(&out),
        ]);
        assert!(output.status.success(), "{output:?}");
        let found_labels = read_png(&std::fs::read(out.join("photo.png")).unwrap()).pixels;
        let found_people = read_png(&std::fs::read(out.join("photo.people.png")).unwrap());
        assert_eq!(found_people.info.color_type, png::ColorType::Indexed);
        let found_people = found_people.pixels;

        // Outlines are as fine as the cells of the output; left and right arms are among the labels.
        let same = labels.iter().zip(&found_labels).filter(|(a, b)| a == b).count();
        assert!(same as f64 >= 0.97 * labels.len() as f64, "{setting}: {same} of {}", labels.len());
        assert!(found_people.iter().zip(&found_labels).all(|(&person, &class)| (person > 0) == (class > 0)));
        for (i, (&person, &found)) in people.iter().zip(&found_people).enumerate() {
            assert!(person == 0 || found == 0 || person == found, "{setting}: pixel {i}, {person} {found}");
        }

        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(out.join("photo.json")).unwrap()).unwrap();
        let mut segments: Vec<(u64, u64)> = json["masks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mask| (mask["person"].as_u64().unwrap(), mask["class_id"].as_u64().unwrap()))
            .collect();
        segments.sort_unstable();
        let expected: Vec<(u64, u64)> =
            (1..=3).flat_map(|person| [2, 5, 14, 15].map(|class| (person, class))).collect();
        assert_eq!(segments, expected, "{setting}");
    }
}

#[test]
fn an_unknown_setting_is_refused_before_any_photo() {
    let out = folder("unknown_setting");
    let photo = people_model("photo.png");
    let output = bodymap(&["parse", &photo, "--out", text(&out), "--setting", "best"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("(bad-option)") && error.contains("fast or fine"), "{error}");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
}

/// A folder of photos for the test model: two good ones in folders, and what is none.
fn photos(name: &str) -> PathBuf {
    let folder = folder(name);
    let photo = std::fs::read(people_model("photo.png")).unwrap();
    for (path, bytes) in [
        ("p.png", &photo[..]),
        ("beach/Süd/p 2.PNG", &photo),
        ("beach/cut.png", &photo[..photo.len() / 2]),
        ("beach/notes.txt", b"not a photo"),
        (".hidden/p.png", &photo),
        (".p.png", &photo),
    ] {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn parse_batch(arguments: &[&str]) -> Output {
    bodymap(&[&["parse", "--model", &people_model("card.json")], arguments].concat())
}

/// Files in a folder and below, but for the records of what was written.
fn files_below(folder: &Path) -> Vec<String> {
    fn collect(folder: &Path, base: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == ".bodymap" {
                continue;
            }
            if path.is_dir() {
                collect(&path, base, found);
            } else {
                found.push(text(path.strip_prefix(base).unwrap()).into());
            }
        }
    }
    let mut found = vec![];
    collect(folder, folder, &mut found);
    found.sort();
    found
}

#[test]
fn a_folder_is_parsed_with_all_below_it_and_one_bad_file_does_not_stop_it() {
    let photos = photos("batch");
    // The results lie among the photos, and are not taken for some.
    let out = photos.join("results");
    for _ in 0..2 {
        let output = parse_batch(&[text(&photos), "--out", text(&out), "--formats", "labels,people"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.lines().any(|line| line.contains("beach/cut.png: ") && line.contains("(truncated)")),
            "{told}"
        );
        assert!(told.contains("bodymap: 3/3 p.png\n"), "{told}");
        assert!(told.contains("2 photos parsed, 0 kept from before, 1 failed"), "{told}");
        let written = ["beach/Süd/p 2.people.png", "beach/Süd/p 2.png", "p.people.png", "p.png"];
        assert_eq!(files_below(&out), written);
    }
}

#[test]
fn patterns_keep_the_paths_below_their_first_wildcard() {
    let photos = photos("patterns");
    let out = folder("patterns_out");
    let parse = |pattern: &str| {
        let pattern = format!("{}/{pattern}", text(&photos));
        parse_batch(&[&pattern, "--out", text(&out), "--formats", "labels"])
    };
    assert!(parse("b*/**/*.PNG").status.success());
    assert_eq!(files_below(&out), ["beach/Süd/p 2.png"]);
    let output = parse("*.webp");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("*.webp: there is no photo (io)"));
    let output = parse("[");
    assert!(String::from_utf8(output.stderr).unwrap().contains("(bad-option)"));
}

#[test]
fn a_run_is_resumed_where_it_was_stopped() {
    let photos = photos("resume");
    let out = folder("resume_out");
    let parse = |more: &[&str]| {
        let formats = ["--formats", "labels,masks,coco,cvat", "--resume"];
        let output = parse_batch(&[&[text(&photos), "--out", text(&out)], &formats[..], more].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, told) = parse(&[]);
    assert_eq!(status, Some(1));
    assert!(told.contains("2 photos parsed, 0 kept"), "{told}");
    let all = files_below(&out);
    let coco = std::fs::read(out.join("coco.json")).unwrap();
    let (_, told) = parse(&[]);
    assert!(told.contains("0 photos parsed, 2 kept"), "{told}");
    assert_eq!(std::fs::read(out.join("coco.json")).unwrap(), coco);

    // Stopped while the files of a photo were written.
    std::fs::remove_file(out.join("masks/p/masks.json")).unwrap();
    std::fs::write(out.join("masks/p/.masks.json.1-2.part"), b"{").unwrap();
    std::fs::remove_file(out.join("coco.json")).unwrap();
    let (_, told) = parse(&[]);
    assert!(told.contains("1 photos parsed, 1 kept"), "{told}");
    std::fs::remove_file(out.join("masks/p/.masks.json.1-2.part")).unwrap();
    assert_eq!(files_below(&out), all);
    assert_eq!(std::fs::read(out.join("coco.json")).unwrap(), coco);

    // A photo that is newer than its results is another.
    std::fs::File::options()
        .append(true)
        .open(photos.join("p.png"))
        .and_then(|file| file.set_modified(std::time::SystemTime::now()))
        .unwrap();
    let (_, told) = parse(&[]);
    assert!(told.contains("1 photos parsed, 1 kept"), "{told}");

    let (status, told) = parse(&["--setting", "fine"]);
    assert_eq!(status, Some(2));
    assert!(told.contains("another model, setting"), "{told}");
}

#[test]
fn several_at_a_time_give_the_same_data_sets() {
    let photos = photos("jobs");
    let (one, two) = (folder("jobs_one"), folder("jobs_two"));
    for (out, jobs) in [(&one, "1"), (&two, "2")] {
        let formats = "labels,json,modelscope,masks,cihp,lip,coco,cvat,labelstudio,labelme";
        let more = ["--formats", formats, "--zip", "--jobs", jobs, "--photos-at", "../../photos/"];
        let output = parse_batch(&[&[text(&photos), "--out", text(out)], &more[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    let files = files_below(&one);
    for expected in [
        "beach/Süd/p 2.json",
        "beach/Süd/p 2.modelscope.json",
        "coco.json",
        "coco/beach/Süd/p 2.json",
        "cvat.zip",
        "cvat/ImageSets/Segmentation/default.txt",
        "cvat/SegmentationObject/beach/Süd/p 2.png",
        "cihp/Instance_ids/p.txt",
        "labelme/beach/Süd/p 2.json",
        "labelmap.zip",
        "labelstudio.json",
        "lip/labels.txt",
        "masks/p/people/3.png",
    ] {
        assert!(files.iter().any(|file| file == expected), "{expected} in {files:?}");
    }
    assert_eq!(files, files_below(&two));
    for file in files {
        assert!(std::fs::read(one.join(&file)).unwrap() == std::fs::read(two.join(&file)).unwrap(), "{file}");
    }
    let json = |path: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(one.join(path)).unwrap()).unwrap()
    };
    let coco = json("coco.json");
    let names: Vec<_> = coco["images"].as_array().unwrap().iter().map(|image| &image["file_name"]).collect();
    assert_eq!(names, ["beach/Süd/p 2.PNG", "p.png"]);
    assert_eq!(json("labelme/beach/Süd/p 2.json")["imagePath"], "../../../../photos/beach/Süd/p 2.PNG");
    let list = std::fs::read_to_string(one.join("cvat/ImageSets/Segmentation/default.txt")).unwrap();
    assert_eq!(list, "beach/Süd/p 2\np\n");
}

#[test]
fn a_list_is_parsed_in_parts_and_reported_photo_by_photo() {
    let photos = photos("list");
    let out = folder("list_out");
    let run = |paths: &[&str], more: &[&str]| {
        let list = photos.join("list.txt");
        let lines: Vec<_> = paths.iter().map(|path| format!("{}\n", text(&photos.join(path)))).collect();
        std::fs::write(&list, lines.concat()).unwrap();
        let report = photos.join("report.jsonl");
        let arguments = ["--list", text(&list), "--base", text(&photos), "--out", text(&out), "--resume"];
        let formats = ["--formats", "labels,coco", "--report", text(&report)];
        parse_batch(&[&arguments, &formats[..], more].concat());
        let lines = std::fs::read_to_string(report).unwrap();
        lines
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                ["name", "outcome", "code"].map(|key| line[key].as_str().unwrap_or("-").to_owned())
            })
            .collect::<Vec<_>>()
    };
    let (good, bad, other) = ("beach/Süd/p 2.PNG", "beach/cut.png", "p.png");
    let outcome = |name: &str, outcome: &str, code: &str| [name, outcome, code].map(str::to_owned);
    assert_eq!(
        run(&[good, bad, "none.png"], &["--part"]),
        [
            outcome(good, "parsed", "-"),
            outcome(bad, "failed", "truncated"),
            outcome("none.png", "failed", "io")
        ]
    );
    assert_eq!(run(&[other], &["--part"]), [outcome(other, "parsed", "-")]);
    assert!(!out.join("coco.json").exists());
    // The last run finds all there and writes what speaks of all.
    let last = run(&[good, bad, other], &[]);
    assert_eq!(last.iter().filter(|[_, outcome, _]| outcome == "kept").count(), 2);
    let coco: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("coco.json")).unwrap()).unwrap();
    assert_eq!(coco["images"].as_array().unwrap().len(), 2);
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn a_benchmark_tells_what_the_stages_and_nodes_take() {
    let report = folder("bench").join("bench.json");
    let output = bodymap(&[
        "bench",
        &people_model("photo.png"),
        "--model",
        &people_model("card.json"),
        "--setting",
        "fine",
        "--repeats",
        "2",
        "--threads",
        "1",
        "--profile",
        "--json",
        text(&report),
    ]);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();

    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!((&report["setting"], &report["threads"]), (&"fine".into(), &1.into()));
    let photo = &report["photos"][0];
    let passes = photo["inputs"].as_array().unwrap().len();
    assert!(passes > 1, "{photo}");
    let mut sums = vec![0.0; 2];
    for stage in ["decode", "tensor", "network", "parsing", "paint"] {
        assert!(printed.lines().any(|line| line.starts_with(stage)), "{stage} in {printed}");
        let times = numbers(&photo["seconds"][stage]);
        assert_eq!(times.len(), 2, "{stage}");
        sums.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
    }
    for (sum, total) in sums.into_iter().zip(numbers(&photo["seconds"]["total"])) {
        assert!(sum > 0.0 && sum <= total, "{sum} of {total}");
    }
    let nodes = photo["nodes"].as_array().unwrap();
    let macs: u64 = nodes.iter().map(|node| node["macs"].as_u64().unwrap()).sum();
    assert!(macs > 0, "{photo}");
    assert_eq!(photo["macs"].as_u64(), Some(macs));
    let in_nodes: f64 = nodes.iter().map(|node| numbers(&node["seconds"])[1]).sum();
    assert!((in_nodes - numbers(&photo["seconds"]["network"])[1]).abs() < 1e-6, "{photo}");
    for node in nodes {
        assert!(printed.contains(node["operator"].as_str().unwrap()), "{node} in {printed}");
    }
}

#[test]
fn a_benchmark_needs_no_photo_and_refuses_a_bad_one() {
    let card = people_model("card.json");
    let bench = |more: &[&str]| bodymap(&[&["bench", "--model", &card, "--repeats", "1"], more].concat());
    let output = bench(&[]);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("512x600") && !printed.contains("operator"), "{printed}");

    let output = bench(&["missing.jpg"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("(io)"));
}

#[test]
fn a_benchmark_ends_quietly_when_nobody_reads_its_report() {
    let card = people_model("card.json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_bodymap"))
        .args(["bench", "--model", &card, "--repeats", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn licences_of_all_that_is_inside_are_printed() {
    let output = bodymap(&["licences"]);
    assert!(output.status.success(), "{output:?}");
    let licences = String::from_utf8(output.stdout).unwrap();
    // Ours, the model's, what modules and program share, the program's own, and the words of a licence.
    for line in [
        "bodymap, MIT OR Apache-2.0",
        "The weights of the default model, Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0",
    ] {
        assert!(licences.lines().any(|l| l == line), "{line}");
    }
    for start in
        ["tract-onnx 0.", "clap 4.", "windows-sys 0.", "Permission is hereby granted, free of charge"]
    {
        assert!(licences.lines().any(|l| l.starts_with(start)), "{start}");
    }
}
