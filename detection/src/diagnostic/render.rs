//! For people: as compilers tell it, with the line and a caret under what is wrong.

use std::fmt;

use super::{Diagnostic, Diagnostics, Mark};

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n\n" };
            write!(f, "{between}{diagnostic}")?;
        }
        match self.unlisted {
            0 => Ok(()),
            unlisted => write!(f, "\n\nand {unlisted} more"),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [Some(&self.mark), self.also.as_ref().map(|also| &also.1)];
        let gutter =
            lines.into_iter().flatten().map(|mark| mark.start.line.to_string().len()).max().unwrap_or_default();
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        write_mark(f, &self.mark, gutter)?;
        let notes = [("expected", &self.expected), ("found", &self.found), ("help", &self.help)];
        for (word, note) in notes {
            if let Some(note) = note {
                write!(f, "\n{:gutter$} = {word}: {note}", "")?;
            }
        }
        if let Some((label, mark)) = self.also.as_deref() {
            writeln!(f, "\nnote: {label}")?;
            write_mark(f, mark, gutter)?;
        }
        Ok(())
    }
}

fn write_mark(f: &mut fmt::Formatter<'_>, mark: &Mark, gutter: usize) -> fmt::Result {
    let (line, column) = (mark.start.line, mark.start.column);
    let excerpt = &mark.excerpt;
    writeln!(f, "{:gutter$}--> {}:{line}:{column}", "", mark.file)?;
    writeln!(f, "{:gutter$} |", "")?;
    writeln!(f, "{line:>gutter$} | {}", excerpt.text)?;
    write!(f, "{:gutter$} | {:before$}{}", "", "", "^".repeat(excerpt.mark_chars), before = excerpt.mark_from)
}
