//! IP addresses in networks.
//!
//! Addresses are read strictly, as `std` does: four decimal numbers without leading zeros, or RFC 4291's text without a
//! zone. An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) is that IPv4 address: an attacker may choose the spelling.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network as CIDR writes it, `10.0.0.0/8`; an address alone is the network of that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// Its first; the bits after the prefix are zero.
    address: IpAddr,
    prefix_bits: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("expected an IP address or a network such as `10.0.0.0/8` or `fd00::/8`")]
    Syntax,
    #[error("expected a prefix of at most {bits_max} bits")]
    Prefix { bits_max: u8 },
    #[error("expected only zeros after the prefix; write `{meant}`")]
    HostBits { meant: Network },
}

impl Network {
    /// Whether `text` is an address, and one of this network.
    pub fn contains(self, text: &str) -> bool {
        text.parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            address.is_ipv4() == self.address.is_ipv4() && first(address, self.prefix_bits) == self.address
        })
    }

    /// A network of mapped addresses is the IPv4 network it maps.
    fn canonical(self) -> Self {
        const MAPPED_BITS: u8 = 96;
        match self.address.to_canonical() {
            IpAddr::V4(mapped) if self.address.is_ipv6() && self.prefix_bits >= MAPPED_BITS => {
                Self { address: mapped.into(), prefix_bits: self.prefix_bits - MAPPED_BITS }
            }
            _ => self,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Syntax)?;
        let bits_max = bits(address);
        let prefix_bits = match prefix {
            None => bits_max,
            Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(NetworkError::Syntax);
            }
            Some(digits) => match digits.parse() {
                Ok(bits) if bits <= bits_max => bits,
                _ => return Err(NetworkError::Prefix { bits_max }),
            },
        };
        let network = Self { address: first(address, prefix_bits), prefix_bits };
        if network.address != address {
            return Err(NetworkError::HostBits { meant: network });
        }
        Ok(network.canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first address of the network of `prefix_bits` that `address` is in.
fn first(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let host_bits = u32::from(bits(address) - prefix_bits);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_in_its_networks_alone() {
        #[rustfmt::skip]
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("192.168.1.1", "192.168.1.1", true),
            ("192.168.1.1", "192.168.1.2", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("::/0", "fe80::1", true),
            ("::/0", "10.0.0.1", false),
            // The same address in other clothes.
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:a01:203", true),
            ("::/0", "::ffff:10.1.2.3", false),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("2001:db8::/32", "2001:DB8:0:0::1", true),
            // What is not an address is in no network.
            ("0.0.0.0/0", "010.0.0.1", false),
            ("0.0.0.0/0", "10.0.0", false),
            ("0.0.0.0/0", "10.0.0.1:80", false),
            ("0.0.0.0/0", " 10.0.0.1", false),
            ("::/0", "fe80::1%eth0", false),
            ("::/0", "[::1]", false),
            ("::/0", "", false),
        ];
        for (network, address, expected) in cases {
            assert_eq!(network.parse::<Network>().unwrap().contains(address), expected, "{address} in {network}");
        }
    }

    #[test]
    fn a_network_that_is_none_is_refused_with_the_next_step() {
        let cases = [
            ("10.0.0.1/8", "expected only zeros after the prefix; write `10.0.0.0/8`"),
            ("fd00::1/8", "expected only zeros after the prefix; write `fd00::/8`"),
            ("10.0.0.0/33", "expected a prefix of at most 32 bits"),
            ("::/129", "expected a prefix of at most 128 bits"),
            ("::/999999999999", "expected a prefix of at most 128 bits"),
            ("10.0.0.0/", "expected an IP address or a network such as `10.0.0.0/8` or `fd00::/8`"),
            ("10.0.0.0/+8", "expected an IP address or a network such as `10.0.0.0/8` or `fd00::/8`"),
            ("10/8", "expected an IP address or a network such as `10.0.0.0/8` or `fd00::/8`"),
            ("", "expected an IP address or a network such as `10.0.0.0/8` or `fd00::/8`"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Network>().unwrap_err().to_string(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_first_bits_decide(network: u32, address: u32, near in 0_u8..=32, prefix_bits in 0_u8..=32) {
            let as_bits = |bits: u32| format!("{bits:032b}");
            // Random addresses share few bits: this one shares `near` at least.
            let keep = u32::MAX.checked_shl(32 - u32::from(near)).unwrap_or(0);
            let address = (network & keep) | (address & !keep);
            let first = first(Ipv4Addr::from_bits(network).into(), prefix_bits);
            let network: Network = format!("{first}/{prefix_bits}").parse().unwrap();
            let IpAddr::V4(first) = first else { unreachable!() };
            let shared = as_bits(first.to_bits())[..prefix_bits.into()] == as_bits(address)[..prefix_bits.into()];
            prop_assert_eq!(network.contains(&Ipv4Addr::from_bits(address).to_string()), shared);
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }
    }
}
