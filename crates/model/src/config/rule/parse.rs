//! The text of a rule: words, then a parser by recursive descent, `or` outside `and` outside `not`.

use super::{Compare, Rule, Subject};

/// In characters: nobody reads more.
const LONGEST: usize = 2000;
/// Of parentheses and `not`s in each other.
const DEEPEST: usize = 20;
/// What no policy can be called.
const WORDS: [&str; 9] = [
    "and", "or", "not", "in", "like", "is", "true", "false", "try",
];

/// What is wrong with the text of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    /// In bytes of the text, from 0.
    pub at: usize,
    /// What is wrong, and what to write.
    pub message: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Text(&'t str),
    Number(&'t str),
    Sign(&'t str),
}

impl Token<'_> {
    /// As it stood there, for messages.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{text}\""),
            Self::Word(text) | Self::Number(text) | Self::Sign(text) => (*text).to_owned(),
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Rule, RuleError> {
    if text.len() > LONGEST {
        return Err(wrong(
            LONGEST,
            &format!("a rule of over {LONGEST} bytes: give parts of it names in [policies]"),
        ));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        end: text.trim_end().len(),
        depth: 0,
    };
    let rule = parser.any()?;
    match parser.peek() {
        None => Ok(rule),
        Some(token) => Err(wrong(
            parser.at(),
            &format!(
                "{} after the rule's end: join rules with and, or",
                token.shown()
            ),
        )),
    }
}

/// Whether a policy may be called `name`.
pub(in crate::config) fn is_policy_name(name: &str) -> bool {
    let taken = WORDS.contains(&name) || subject_of(name).is_some();
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_word) && !taken
}

fn subject_of(word: &str) -> Option<Subject> {
    Subject::ALL
        .into_iter()
        .find(|subject| subject.as_str() == word)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '.')
}

fn wrong(at: usize, message: &str) -> RuleError {
    RuleError {
        at,
        message: message.to_owned(),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, RuleError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = token(&text[at..], first).map_err(|message| wrong(at, &message))?;
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

/// The first token of `rest` and its length in bytes.
fn token(rest: &str, first: char) -> Result<(Token<'_>, usize), String> {
    let run = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
    if first.is_ascii_digit() {
        let length = run(|c| c.is_ascii_digit() || c == '.');
        return Ok((Token::Number(&rest[..length]), length));
    }
    if first.is_ascii_alphabetic() {
        let length = run(is_word);
        return Ok((Token::Word(&rest[..length]), length));
    }
    if first == '"' {
        let length = rest[1..]
            .find('"')
            .ok_or("a text without its second quote")?;
        return Ok((Token::Text(&rest[1..=length]), length + 2));
    }
    let signs = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","];
    let sign = signs.into_iter().find(|sign| rest.starts_with(sign));
    match sign {
        Some(sign) => Ok((Token::Sign(sign), sign.len())),
        None if first == '=' => Err("= says nothing here: compare with ==".to_owned()),
        None => Err(format!("{first:?} means nothing in a rule")),
    }
}

struct Parser<'t> {
    tokens: Vec<(usize, Token<'t>)>,
    next: usize,
    /// Where the text ends.
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&Token<'t>> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    /// Where the next token stands.
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn take(&mut self, token: &Token<'_>) -> bool {
        let there = self.peek() == Some(token);
        self.next += usize::from(there);
        there
    }

    fn word(&mut self, word: &str) -> bool {
        self.take(&Token::Word(word))
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.take(&Token::Sign(sign))
    }

    /// An error about what comes next.
    fn expected<T>(&self, what: &str) -> Result<T, RuleError> {
        let found = self.peek().map_or("the rule ends".to_owned(), |token| {
            format!("{} is there", token.shown())
        });
        Err(wrong(self.at(), &format!("{what} is missing: {found}")))
    }

    fn any(&mut self) -> Result<Rule, RuleError> {
        let mut rules = vec![self.all()?];
        while self.word("or") {
            rules.push(self.all()?);
        }
        Ok(one_or(rules, Rule::Any))
    }

    fn all(&mut self) -> Result<Rule, RuleError> {
        let mut rules = vec![self.unary()?];
        while self.word("and") {
            rules.push(self.unary()?);
        }
        Ok(one_or(rules, Rule::All))
    }

    fn unary(&mut self) -> Result<Rule, RuleError> {
        if self.depth == DEEPEST {
            return Err(wrong(
                self.at(),
                &format!(
                    "more than {DEEPEST} rules in each other: give parts of it names in [policies]"
                ),
            ));
        }
        self.depth += 1;
        let rule = if self.word("not") {
            self.unary().map(|rule| Rule::Not(Box::new(rule)))
        } else if self.sign("(") {
            self.parenthesis()
        } else {
            self.atom()
        };
        self.depth -= 1;
        rule
    }

    fn parenthesis(&mut self) -> Result<Rule, RuleError> {
        let rule = self.any()?;
        if self.sign(")") {
            Ok(rule)
        } else {
            self.expected(")")
        }
    }

    fn atom(&mut self) -> Result<Rule, RuleError> {
        let Some(Token::Word(word)) = self.peek().cloned() else {
            return self.expected("a rule such as repo == \"go\"");
        };
        let rule = match word {
            "true" | "false" => Rule::Always(word == "true"),
            "try" => Rule::Try,
            _ => match subject_of(word) {
                Some(subject) => {
                    self.next += 1;
                    return self.comparison(subject);
                }
                None if is_policy_name(word) => Rule::Policy(word.to_owned()),
                None => return self.expected("a rule such as repo == \"go\""),
            },
        };
        self.next += 1;
        Ok(rule)
    }

    /// What follows a subject.
    fn comparison(&mut self, subject: Subject) -> Result<Rule, RuleError> {
        if self.word("is") {
            return self.release(subject);
        }
        let not = self.word("not");
        if self.word("in") {
            let texts = self.texts()?;
            return Ok(Rule::In {
                subject,
                not,
                texts,
            });
        }
        if self.word("like") {
            let patterns = self.texts()?;
            return Ok(Rule::Like {
                subject,
                not,
                patterns,
            });
        }
        if not {
            return self.expected("in or like");
        }
        self.ordered(subject)
    }

    fn release(&mut self, subject: Subject) -> Result<Rule, RuleError> {
        let at = self.at();
        if !self.word("release") {
            return self.expected("release");
        }
        if subject.is_branch() {
            Ok(Rule::Release { subject })
        } else {
            Err(wrong(
                at,
                &format!("only branch and go can be a release, not {subject}"),
            ))
        }
    }

    /// `== "text"`, `>= 1.12`.
    fn ordered(&mut self, subject: Subject) -> Result<Rule, RuleError> {
        let Some(compare) = self.compare() else {
            return self.expected("==, !=, <, <=, >, >=, in, like or is");
        };
        let at = self.at();
        match self.peek().cloned() {
            Some(Token::Text(text)) if matches!(compare, Compare::Same | Compare::Other) => {
                self.next += 1;
                Ok(Rule::Equal {
                    subject,
                    not: compare == Compare::Other,
                    text: text.to_owned(),
                })
            }
            Some(Token::Number(number)) if subject.is_branch() => {
                self.next += 1;
                let version =
                    number
                        .parse()
                        .map_err(|error: super::super::version::VersionError| {
                            wrong(at, &error.to_string())
                        })?;
                Ok(Rule::Version {
                    subject,
                    compare,
                    version,
                })
            }
            Some(Token::Number(_)) => Err(wrong(
                at,
                &format!("only branch and go compare with a version, not {subject}"),
            )),
            Some(Token::Text(_)) => Err(wrong(
                at,
                "texts are compared with == or !=, versions are written without quotes",
            )),
            _ => self.expected("a text in double quotes, or a version"),
        }
    }

    fn compare(&mut self) -> Option<Compare> {
        use Compare::{Above, AtLeast, AtMost, Below, Other, Same};
        [Same, Other, Below, AtMost, Above, AtLeast]
            .into_iter()
            .find(|compare| self.sign(compare.as_str()))
    }

    /// One text, or a list of at least one.
    fn texts(&mut self) -> Result<Vec<String>, RuleError> {
        if !self.sign("[") {
            return Ok(vec![self.text()?]);
        }
        let mut texts = vec![self.text()?];
        while self.sign(",") {
            if self.peek() == Some(&Token::Sign("]")) {
                break;
            }
            texts.push(self.text()?);
        }
        if self.sign("]") {
            Ok(texts)
        } else {
            self.expected("]")
        }
    }

    fn text(&mut self) -> Result<String, RuleError> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = (*text).to_owned();
                self.next += 1;
                Ok(text)
            }
            _ => self.expected("a text in double quotes"),
        }
    }
}

/// Rules that are joined, if there are several.
fn one_or(mut rules: Vec<Rule>, join: fn(Vec<Rule>) -> Rule) -> Rule {
    match rules.pop() {
        Some(only) if rules.is_empty() => only,
        last => {
            rules.extend(last);
            join(rules)
        }
    }
}
