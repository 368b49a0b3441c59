//! Cells of CSV files.

/// Formats text as a cell. Text from strangers must not become a formula in the owner's spreadsheet, so an
/// apostrophe marks it as text. Some spreadsheets start a new cell after a semicolon or a tab, so the
/// apostrophe is added there too.
///
/// <https://owasp.org/www-community/attacks/CSV_Injection>
pub(crate) fn cell(text: &str) -> String {
    let mut defused = String::with_capacity(text.len() + 1);
    let mut is_start = true;
    for letter in text.chars() {
        if is_start && matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\r') {
            defused.push('\'');
        }
        defused.push(letter);
        is_start = matches!(letter, ';' | '\t' | '\r' | '\n');
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
    fn quotes_cells_and_defuses_formulas() {
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
