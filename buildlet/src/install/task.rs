//! Tasks of the Windows Task Scheduler, as its XML
//! (<https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema>). Not tried on Windows.

use super::{MARK, Service};

/// The account that needs no password.
const SYSTEM: &str = "SYSTEM";
const SYSTEM_ID: &str = "S-1-5-18";

/// The task: from the start of the system on, and again within a minute whenever it ended. A task that runs is not started a
/// second time.
pub fn xml(service: &Service) -> String {
    let (program, arguments) = match service.command.split_first() {
        Some((program, arguments)) => (program.as_str(), line(arguments)),
        None => ("", String::new()),
    };
    let level = if service.powers {
        "HighestAvailable"
    } else {
        "LeastPrivilege"
    };
    format!(
        "<?xml version=\"1.0\"?>\n\
         <!-- {MARK} -->\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n\
         \t<Triggers>\n\t\t<BootTrigger>\n\t\t\t<Repetition>\n\t\t\t\t<Interval>PT1M</Interval>\n\t\t\t</Repetition>\n\
         \t\t</BootTrigger>\n\t</Triggers>\n\
         \t<Principals>\n\t\t<Principal id=\"Author\">\n{}\
         \t\t\t<RunLevel>{level}</RunLevel>\n\t\t</Principal>\n\t</Principals>\n\
         \t<Settings>\n\
         \t\t<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n\
         \t\t<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n\
         \t\t<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n\
         \t\t<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n\
         \t</Settings>\n\
         \t<Actions Context=\"Author\">\n\t\t<Exec>\n\
         \t\t\t<Command>{}</Command>\n\t\t\t<Arguments>{}</Arguments>\n\
         \t\t</Exec>\n\t</Actions>\n\
         </Task>\n",
        account(service.run_as.as_deref().unwrap_or(SYSTEM)),
        escaped(program),
        escaped(&arguments),
    )
}

/// Whom it runs as; the password of a user is asked for when the task is made.
fn account(user: &str) -> String {
    if user.eq_ignore_ascii_case(SYSTEM) {
        return format!("\t\t\t<UserId>{SYSTEM_ID}</UserId>\n");
    }
    format!(
        "\t\t\t<UserId>{}</UserId>\n\t\t\t<LogonType>Password</LogonType>\n",
        escaped(user)
    )
}

/// What makes a task of the file, and runs it.
pub fn next(name: &str, run_as: Option<&str>, file: &str) -> String {
    let user = run_as.unwrap_or(SYSTEM);
    let password = if user.eq_ignore_ascii_case(SYSTEM) {
        ""
    } else {
        " /RP *"
    };
    format!(
        "schtasks /Create /TN {name} /XML \"{file}\" /RU {user}{password} && schtasks /Run /TN {name}"
    )
}

/// What ends the task and takes it away.
pub fn stop(name: &str) -> String {
    format!("schtasks /End /TN {name} & schtasks /Delete /TN {name}")
}

/// Arguments as one line, which programs take apart by the rules of `CommandLineToArgvW`.
fn line(arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|text| quoted(text)).collect();
    quoted.join(" ")
}

/// Backslashes count only before a quote: there each is doubled.
fn quoted(text: &str) -> String {
    if !text.is_empty() && !text.contains([' ', '\t', '"']) {
        return text.to_owned();
    }
    let (mut out, mut backslashes) = (String::from('"'), 0);
    for c in text.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                out.push_str(&"\\".repeat(backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        out.push(c);
    }
    out.push_str(&"\\".repeat(backslashes));
    out.push('"');
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn arguments_are_quoted_as_programs_take_them_apart() {
        for (text, line) in [
            ("a", "a"),
            (r"C:\a\b", r"C:\a\b"),
            ("", r#""""#),
            ("a b", r#""a b""#),
            (r"a b\", r#""a b\\""#),
            (r#"a"b"#, r#""a\"b""#),
            (r#"a\"b"#, r#""a\\\"b""#),
            (r"a\b c", r#""a\b c""#),
        ] {
            assert_eq!(quoted(text), line);
        }
    }
}
