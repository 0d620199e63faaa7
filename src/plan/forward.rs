//! The definition of a network with another mode of forwarding. Everything else stays as it is written: a network whose hardware
//! address changed would look broken to its guests.

use quick_xml::{
    Reader, Writer,
    events::{BytesStart, BytesText, Event},
};

use crate::model::{Code, DOMAIN, Error, ForwardMode, Hint, NetworkDefinition, Result, escaped};

/// The definition in another mode; none: it is in that mode. In mode `route` it also has lite's domain, if it has no other.
///
/// # Errors
/// [`Code::NetworkUnusable`]: the XML cannot be read, the network is in a third mode, or libvirt would have to go on translating in a
/// way that lite does not.
pub fn with_forward_mode(xml: &str, mode: ForwardMode) -> Result<Option<String>> {
    let network = NetworkDefinition::parse(xml)?;
    let now = network.forward.as_deref();
    if now == Some(mode.as_str()) {
        return Ok(None);
    }
    if !ForwardMode::ALL.iter().any(|known| now == Some(known.as_str())) {
        let now = now.map_or_else(|| "leads to the host alone".to_owned(), |m| format!("is in mode `{}`", escaped(m)));
        let text = format!("the network {now}: only one in mode `nat` or `route` is moved to the other");
        return Err(Error::new(Code::NetworkUnusable, text)
            .hint("name another network with `LITE_NETWORK`, or change this one with `virsh net-edit`"));
    }
    if network.has_own_translation {
        return Err(Error::new(
            Code::NetworkUnusable,
            "the network's `<nat>` says to which addresses or ports libvirt translates: lite's own rules do not do that",
        )
        .hint(Hint::from("take `<nat>` out with `virsh net-edit`, or leave the network as it is")));
    }
    let edit = Edit { mode, domain: network.domain.as_deref().is_none_or(|domain| domain == DOMAIN) };
    edit.apply(xml)
        .map(Some)
        .map_err(|e| Error::new(Code::NetworkUnusable, "the network's XML cannot be edited").cause(e))
}

struct Edit {
    mode: ForwardMode,
    /// The domain is lite's, or to become so.
    domain: bool,
}

impl Edit {
    fn apply(&self, xml: &str) -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let mut reader = Reader::from_str(xml);
        let mut writer = Writer::new(Vec::new());
        let (mut depth, mut in_forward, mut lacks_domain) = (0_u32, false, self.writes_domain());
        loop {
            match reader.read_event()? {
                Event::Eof => break,
                Event::Start(e) if in_forward && self.is_route() && e.name().as_ref() == "nat" => {
                    reader.read_to_end(e.name())?;
                }
                Event::Empty(e) if in_forward && self.is_route() && e.name().as_ref() == "nat" => {}
                Event::Text(_) if in_forward => {}
                Event::Start(e) => {
                    let forward = depth == 1 && e.name().as_ref() == "forward";
                    in_forward |= forward;
                    depth += 1;
                    writer.write_event(Event::Start(if forward { self.moved(&e)? } else { e }))?;
                }
                Event::Empty(e) if depth == 1 && e.name().as_ref() == "forward" => {
                    writer.write_event(Event::Empty(self.moved(&e)?))?;
                }
                Event::Empty(e) if depth == 1 && lacks_domain && e.name().as_ref() == "domain" => {
                    writer.write_event(Event::Empty(own_domain()))?;
                    lacks_domain = false;
                }
                Event::End(e) => {
                    depth = depth.saturating_sub(1);
                    in_forward &= depth > 1;
                    if depth == 0 && lacks_domain {
                        writer.write_event(Event::Text(BytesText::new("  ")))?;
                        writer.write_event(Event::Empty(own_domain()))?;
                        writer.write_event(Event::Text(BytesText::new("\n")))?;
                    }
                    writer.write_event(Event::End(e))?;
                }
                event => writer.write_event(event)?,
            }
        }
        Ok(String::from_utf8(writer.into_inner())?)
    }

    fn is_route(&self) -> bool {
        self.mode == ForwardMode::Route
    }

    /// A network that goes back keeps it: names have nothing to do with the mode.
    fn writes_domain(&self) -> bool {
        self.domain && self.is_route()
    }

    /// The element `forward` with the mode, and its other attributes.
    fn moved(&self, element: &BytesStart<'_>) -> std::result::Result<BytesStart<'static>, quick_xml::Error> {
        let mut moved = BytesStart::new("forward").with_attributes([("mode", self.mode.as_str())]);
        for attribute in element.attributes() {
            let attribute = attribute?;
            if attribute.key.as_ref() != "mode" {
                moved.push_attribute(attribute);
            }
        }
        Ok(moved)
    }
}

/// No question for a name in it goes to another server.
fn own_domain() -> BytesStart<'static> {
    BytesStart::new("domain").with_attributes([("name", DOMAIN), ("localOnly", "yes")])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libvirt 11.3 shows one that an earlier lite made.
    const OLD: &str = "<network>
  <name>lite</name>
  <uuid>6a1e6d6e-0d2b-4b52-9d1f-2f6f5d0c7a02</uuid>
  <forward mode='nat' dev='eth0'>
    <nat>
      <port start='1024' end='65535'/>
    </nat>
  </forward>
  <bridge name='litebr0' stp='off' delay='0'/>
  <mac address='52:54:00:aa:bb:cc'/>
  <dns>
    <host ip='192.168.150.10'>
      <hostname>web.lite.internal</hostname>
    </host>
  </dns>
  <ip address='192.168.150.1' prefix='24'>
    <dhcp>
      <range start='192.168.150.10' end='192.168.150.254'/>
      <host mac='52:54:00:00:00:01' name='web' ip='192.168.150.10'/>
    </dhcp>
  </ip>
</network>
";

    fn moved(xml: &str, mode: ForwardMode) -> String {
        with_forward_mode(xml, mode).unwrap().expect("another mode")
    }

    #[test]
    fn the_mode_changes_and_nothing_else() {
        let forward = &OLD[OLD.find("<forward").unwrap()..OLD.find("</forward>").unwrap()];
        let route = OLD
            .replace(forward, "<forward mode=\"route\" dev='eth0'>")
            .replace("</network>", "  <domain name=\"lite.internal\" localOnly=\"yes\"/>\n</network>");
        assert_eq!(moved(OLD, ForwardMode::Route), route.replace("dev='eth0'", "dev=\"eth0\""));
        let empty =
            OLD.replace(forward, "<forward mode='nat'>").replace("<forward mode='nat'></forward>", "<forward/>");
        let there = moved(&empty, ForwardMode::Route);
        assert_eq!(there.matches("<forward mode=\"route\"/>").count(), 1, "{there}");
        let back = moved(&there, ForwardMode::Nat);
        assert_eq!(back, there.replace("\"route\"", "\"nat\""), "the domain stays");
        assert_eq!(moved(&back, ForwardMode::Route), there);
        assert_eq!(with_forward_mode(&there, ForwardMode::Route), Ok(None));
        assert_eq!(with_forward_mode(OLD, ForwardMode::Nat), Ok(None));
    }

    #[test]
    fn a_domain_of_another_stays_and_lites_own_is_no_longer_asked_for_elsewhere() {
        let with = |domain: &str| OLD.replace("  <dns>", &format!("  {domain}\n  <dns>"));
        let domains = |xml: &str| xml.matches("<domain ").count();
        let other = moved(&with("<domain name='lan'/>"), ForwardMode::Route);
        assert!(other.contains("<domain name='lan'/>") && domains(&other) == 1, "{other}");
        let own = moved(&with("<domain name='lite.internal'/>"), ForwardMode::Route);
        assert!(own.contains("<domain name=\"lite.internal\" localOnly=\"yes\"/>") && domains(&own) == 1, "{own}");
    }

    #[test]
    fn what_lite_cannot_do_in_libvirts_place_is_refused() {
        let refused = |xml: &str| with_forward_mode(xml, ForwardMode::Route).map_err(|e| e.to_string());
        let third = "the network is in mode `open`: only one in mode `nat` or `route` is moved to the other";
        assert_eq!(refused(&OLD.replace("mode='nat'", "mode='open'")), Err(third.to_owned()));
        let alone = "the network leads to the host alone: only one in mode `nat` or `route` is moved to the other";
        assert_eq!(refused("<network><name>n</name></network>"), Err(alone.to_owned()));
        let own = "the network's `<nat>` says to which addresses or ports libvirt translates: lite's own rules do not do that";
        assert_eq!(refused(&OLD.replace("1024", "5000")), Err(own.to_owned()));
    }
}
