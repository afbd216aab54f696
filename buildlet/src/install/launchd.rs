//! Property lists of launchd (`launchd.plist(5)`). Not tried on a Mac.

use super::{MARK, Service};

/// The name under which launchd knows it.
pub fn label(name: &str) -> String {
    format!("org.farmhand.{name}")
}

/// The property list.
pub fn property_list(service: &Service) -> String {
    let arguments: String = service
        .command
        .iter()
        .map(|part| format!("\t\t<string>{}</string>\n", escaped(part)))
        .collect();
    let user = service.run_as.as_ref().map(|user| {
        let log = format!("/var/log/{}.log", service.name);
        format!(
            "\t<key>UserName</key>\n\t<string>{}</string>\n\t<key>StandardErrorPath</key>\n\t<string>{log}</string>\n",
            escaped(user)
        )
    });
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- {MARK} -->\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \t<key>Label</key>\n\t<string>{}</string>\n\
         \t<key>ProgramArguments</key>\n\t<array>\n{arguments}\t</array>\n\
         \t<key>RunAtLoad</key>\n\t<true/>\n\
         \t<key>KeepAlive</key>\n\t<true/>\n\
         \t<key>ThrottleInterval</key>\n\t<integer>10</integer>\n\
         \t<key>ExitTimeOut</key>\n\t<integer>20</integer>\n\
         {}</dict>\n\
         </plist>\n",
        label(&service.name),
        user.unwrap_or_default(),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
