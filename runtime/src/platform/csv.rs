//! Cells of CSV files.

/// A text as a cell. What a stranger sent must not become a formula in the owner's spreadsheet: an
/// apostrophe before it makes it a text; also behind a semicolon or a tab, where some spreadsheets
/// begin another cell.
///
/// <https://owasp.org/www-community/attacks/CSV_Injection>
pub(crate) fn cell(text: &str) -> String {
    let mut defused = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for letter in text.chars() {
        if begins && matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\r') {
            defused.push('\'');
        }
        defused.push(letter);
        begins = matches!(letter, ';' | '\t' | '\r' | '\n');
    }
    match defused.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", defused.replace('"', "\"\"")),
        false => defused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_defused() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected, "{text:?}");
        check("/about", "/about");
        check("", "");
        check("a,b", "\"a,b\"");
        check("a \"b\"", "\"a \"\"b\"\"\"");
        check("a\r\nb", "\"a\r\nb\"");
        check("=1+1", "'=1+1");
        check("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM", "'@SUM");
        check("x;=1+1", "x;'=1+1");
        check("\tx", "'\tx");
        check("\rx", "\"'\rx\"");
    }
}
