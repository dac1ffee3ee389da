//! The fenced blocks of a page, and the commands in them.

use testkit::processes::read;

/// What stands between two fences.
pub struct Block {
    /// Where it begins, for messages: `docs/RECIPES.md:17`.
    pub place: String,
    /// The heading of level two that it stands under.
    pub heading: String,
    /// The word behind the opening fence.
    pub language: String,
    pub text: String,
}

pub fn blocks(page: &str) -> Vec<Block> {
    let text = read(page);
    let mut found = Vec::new();
    let mut heading = String::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut heading);
        }
        let Some(language) = line.trim_start().strip_prefix("```") else { continue };
        // In a list, a block is indented as its item is.
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().map(|(line, _)| line).take_while(|l| l.trim() != "```");
        let inside: Vec<_> = inside.map(|line| line.get(indent..).unwrap_or_default()).collect();
        found.push(Block {
            place: format!("{page}:{number}"),
            heading: heading.clone(),
            language: language.to_owned(),
            text: inside.join("\n") + "\n",
        });
    }
    found
}

/// A line for the shell, and what the comment behind it promises.
#[derive(Debug)]
pub struct Command {
    pub line: String,
    pub status: Option<String>,
    pub decision: Option<String>,
}

impl Block {
    /// The lines of a shell block. A comment of its own says something to the reader.
    pub fn commands(&self) -> Vec<Command> {
        let lines = self.text.replace("\\\n", " ");
        let lines = lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| self.command(line)).collect()
    }

    /// One line of them.
    pub fn command(&self, line: &str) -> Command {
        let (line, promise) = line.split_once(" # ").unwrap_or((line, ""));
        let mut command = Command { line: line.trim().to_owned(), status: None, decision: None };
        for word in promise.split_whitespace() {
            let place = if word.bytes().all(|byte| byte.is_ascii_digit()) {
                &mut command.status
            } else {
                &mut command.decision
            };
            assert!(place.replace(word.to_owned()).is_none(), "{}: {promise:?}", self.place);
        }
        command
    }

    /// The names at the start of lines: the members of the outermost object.
    pub fn members(&self) -> Vec<&str> {
        let starts_name = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
        let names = self.text.lines().filter(starts_name);
        names.map(|line| line.split(':').next().unwrap()).collect()
    }
}
