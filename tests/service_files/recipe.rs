//! An image's recipe, read as far as the tests need it.

use std::path::PathBuf;

use testkit::processes::read;

/// The instructions of a Dockerfile, each on one line, with those before the first stage.
pub fn instructions(file: &str) -> Vec<(String, String)> {
    let text = read(file);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{file}: {line}"));
            (name.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

/// What the default of an `ARG` is.
pub fn argument(file: &str, name: &str) -> String {
    let found = instructions(file).into_iter().find_map(|(instruction, rest)| {
        let value = rest.strip_prefix(name)?.strip_prefix('=')?;
        (instruction == "ARG").then(|| value.to_owned())
    });
    found.unwrap_or_else(|| panic!("{file}: no ARG {name}"))
}

/// A `COPY` from an earlier stage.
#[derive(Debug, PartialEq, Eq)]
pub struct Copied {
    pub from: PathBuf,
    pub to: PathBuf,
    /// User and group.
    pub owner: Option<u32>,
}

/// What the last stage says: the image.
#[derive(Debug, Default)]
pub struct Image {
    pub base: String,
    pub copied: Vec<Copied>,
    pub environment: Vec<(String, String)>,
    pub user: Option<u32>,
    pub folder: PathBuf,
    pub volumes: Vec<PathBuf>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
}

impl Image {
    /// Reads a recipe's last stage. An instruction that isn't known here fails: what it does isn't
    /// done by the tests.
    pub fn read(file: &str) -> Self {
        let mut image = Self::default();
        for (name, rest) in instructions(file) {
            let words = || serde_json::from_str::<Vec<String>>(&rest).expect("words in JSON");
            match name.as_str() {
                "FROM" => image = Self { base: rest, ..Self::default() },
                "COPY" if rest.starts_with("--from=build ") => image.copied.push(copied(&rest)),
                "ENV" => image.environment.extend(rest.split(' ').map(|pair| {
                    let (name, value) = pair.split_once('=').expect("a value");
                    (name.to_owned(), value.to_owned())
                })),
                "USER" => image.user = Some(number_twice(&rest)),
                "WORKDIR" => image.folder = rest.into(),
                "VOLUME" => image.volumes.push(rest.into()),
                "ENTRYPOINT" => image.entrypoint = words(),
                "CMD" => image.command = words(),
                "EXPOSE" => {}
                // Of the stages before the last one, which are thrown away.
                "ARG" | "RUN" | "COPY" if image.base != "scratch" => {}
                other => panic!("{file}: what {other} {rest} does isn't done here"),
            }
        }
        image
    }
}

fn copied(rest: &str) -> Copied {
    let words: Vec<_> = rest.split(' ').collect();
    let (options, paths) = words.split_at(words.len() - 2);
    let mut owner = None;
    for option in options {
        match option.split_once('=') {
            Some(("--from", "build")) => {}
            Some(("--chown", name)) => owner = Some(number_twice(name)),
            _ => panic!("{rest}: {option}"),
        }
    }
    Copied { from: paths[0].into(), to: paths[1].into(), owner }
}

/// A user and a group of one number: a name would need a file that says whose it is.
fn number_twice(text: &str) -> u32 {
    let (user, group) = text.split_once(':').expect("a user and a group");
    assert_eq!(user, group);
    user.parse().expect("a number")
}
