//! Plain tables, aligned for reading and valid as Markdown.

/// Prints rows under headings; the first column to the left, the others to the right.
pub fn print(title: &str, headings: &[&str], rows: &[Vec<String>]) {
    let widths: Vec<usize> = (0..headings.len())
        .map(|at| {
            rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).chain([headings[at].chars().count()]).max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    println!("\n{title}\n");
    println!("{}", line(&headings.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), &widths));
    let rules = widths.iter().enumerate().map(|(at, width)| rule(at, *width)).collect::<Vec<_>>();
    println!("|{}|", rules.join("|"));
    rows.iter().for_each(|row| println!("{}", line(row, &widths)));
}

fn rule(at: usize, width: usize) -> String {
    if at == 0 { "-".repeat(width + 2) } else { format!("{}:", "-".repeat(width + 1)) }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::from("|");
    for (at, width) in widths.iter().enumerate() {
        let cell = cells.get(at).map_or("", String::as_str);
        let padding = " ".repeat(width - cell.chars().count());
        text += &if at == 0 { format!(" {cell}{padding} |") } else { format!(" {padding}{cell} |") };
    }
    text
}

/// A number with commas between thousands, without decimals from 100 on.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digit.is_ascii_digit() && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many times `part` is of `whole`.
pub fn ratio(part: f64, whole: f64) -> String {
    let ratio = part / whole;
    match ratio {
        _ if !ratio.is_finite() => "–".to_owned(),
        _ if ratio < 10.0 => format!("{ratio:.2}×"),
        _ => format!("{}×", number(ratio.round())),
    }
}

pub fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.0} %", 100.0 * part / whole) } else { "–".to_owned() }
}

/// Millions of bytes.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
