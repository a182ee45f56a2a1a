//! os-release files of the hosts that this is for.

use super::*;
use proptest::prelude::*;

#[test]
fn the_usual_hosts_are_told_apart() {
    for (text, id, version_id, fedora) in [
        (
            "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n",
            "centos",
            "7",
            true,
        ),
        (
            "NAME=\"Red Hat Enterprise Linux Server\"\nVERSION=\"7.2 (Maipo)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"7.2\"\n",
            "rhel",
            "7.2",
            true,
        ),
        (
            "NAME=\"Oracle Linux Server\"\nVERSION=\"7.9\"\nID=\"ol\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"7.9\"\n",
            "ol",
            "7.9",
            true,
        ),
        (
            "NAME=\"Amazon Linux\"\nVERSION=\"2\"\nID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=\"2\"\n",
            "amzn",
            "2",
            true,
        ),
        (
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
            "debian",
            "12",
            false,
        ),
        ("  ID='a'\nID=b", "b", "", false),
        ("#ID=x\nXID=y\nID\n", "", "", false),
    ] {
        let os = OsRelease::parse(text);
        assert_eq!((os.id.as_str(), os.version_id.as_str()), (id, version_id), "{text}");
        assert_eq!(os.is_like("fedora"), fedora, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "(\\PC|\n){0,100}") {
        let _ = OsRelease::parse(&text);
        let _ = OsRelease::parse(&format!("ID={text}"));
    }
}
