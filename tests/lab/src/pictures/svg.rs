//! A terminal's screen as an SVG picture: plain text elements, no script, no font of its own.

use std::fmt::Write;

const WIDTH: f32 = 8.4;
const HEIGHT: usize = 18;
const MARGIN: usize = 16;
const BAR: usize = 32;

/// What is written in one manner.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    class: String,
    text: String,
}

/// `screen`, with its colours as a terminal is told them (SGR), as a picture of `columns` columns.
pub fn terminal(title: &str, screen: &str, columns: usize) -> String {
    let lines = wrapped(screen, columns);
    let width = (columns as f32 * WIDTH) as usize + 2 * MARGIN;
    let height = BAR + lines.len() * HEIGHT + MARGIN;
    // Writing to a String does not fail.
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{}</title>\n\
         <style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d8dee9;white-space:pre}}\
         .b{{font-weight:bold}}.c31{{fill:#ff6b6b}}.c32{{fill:#8fd460}}.c33{{fill:#f2c14e}}.c34{{fill:#7aa2f7}}.c36{{fill:#6fd3d3}}.c2{{fill:#8a94a6}}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1c2028\"/>\n",
        escaped(title)
    );
    for (place, colour) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let _ = writeln!(
            picture,
            "<circle cx=\"{}\" cy=\"16\" r=\"5\" fill=\"{colour}\"/>",
            MARGIN + 4 + place * 18
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let length: usize = line.iter().map(|run| run.text.chars().count()).sum();
        if length == 0 {
            continue;
        }
        // The length is given, so that any font of any reader keeps the columns.
        let _ = write!(
            picture,
            "<text x=\"{MARGIN}\" y=\"{}\" textLength=\"{:.1}\" xml:space=\"preserve\">",
            BAR + 14 + number * HEIGHT,
            length as f32 * WIDTH
        );
        for run in line {
            let text = escaped(&run.text);
            let _ = match run.class.as_str() {
                "" => write!(picture, "{text}"),
                class => write!(picture, "<tspan class=\"{class}\">{text}</tspan>"),
            };
        }
        picture.push_str("</text>\n");
    }
    picture.push_str("</svg>\n");
    picture
}

/// Lines of runs, none longer than `columns`.
fn wrapped(screen: &str, columns: usize) -> Vec<Vec<Run>> {
    let mut lines = Vec::new();
    let mut class = String::new();
    for line in screen.trim_end().lines() {
        let mut runs: Vec<Run> = Vec::new();
        let mut length = 0;
        let mut rest = line;
        while let Some(letter) = rest.chars().next() {
            if let Some((parameters, after)) = sgr(rest) {
                class = classes(parameters);
                rest = after;
                continue;
            }
            rest = &rest[letter.len_utf8()..];
            if letter.is_control() {
                continue;
            }
            if length == columns {
                lines.push(std::mem::take(&mut runs));
                length = 0;
            }
            match runs.last_mut() {
                Some(run) if run.class == class => run.text.push(letter),
                _ => runs.push(Run {
                    class: class.clone(),
                    text: letter.into(),
                }),
            }
            length += 1;
        }
        lines.push(runs);
    }
    lines
}

/// The parameters of a `Select Graphic Rendition` sequence that `text` begins with, and what follows it.
fn sgr(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    Some((&rest[..end], rest[end..].strip_prefix('m')?))
}

fn classes(parameters: &str) -> String {
    let known: Vec<_> = parameters
        .split(';')
        .filter_map(|parameter| match parameter {
            "1" => Some("b".to_owned()),
            "2" | "31" | "32" | "33" | "34" | "36" => Some(format!("c{parameter}")),
            _ => None,
        })
        .collect();
    known.join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(class: &str, text: &str) -> Run {
        Run {
            class: class.into(),
            text: text.into(),
        }
    }

    #[test]
    fn colours_become_classes_and_long_lines_are_wrapped() {
        let screen = "a \u{1b}[1;31mred\u{1b}[0m b\r\n\nlonger than eight\n";
        assert_eq!(
            wrapped(screen, 8),
            [
                vec![run("", "a "), run("b c31", "red"), run("", " b")],
                vec![],
                vec![run("", "longer t")],
                vec![run("", "han eigh")],
                vec![run("", "t")],
            ]
        );
    }

    #[test]
    fn a_picture_is_well_formed_whatever_was_said() {
        let picture = terminal("a < b", "x <&> \u{1b}[32mok\u{1b}[0m \u{1b}[2Kend\u{7}", 40);
        assert!(picture.contains("<title>a &lt; b</title>"), "{picture}");
        assert!(
            picture.contains("x &lt;&amp;&gt; <tspan class=\"c32\">ok</tspan> [2Kend</text>"),
            "{picture}"
        );
        assert_eq!(picture.matches("<text ").count(), picture.matches("</text>").count());
        assert!(picture.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
