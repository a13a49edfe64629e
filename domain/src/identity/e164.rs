//! Telephone numbers (ITU-T E.164), strictly: a plus sign, the country code, 7 to 15 digits in all.
//!
//! Owns: the form. A number is valid if it has the strict form *and* a numbering plan knows it.
//! Does not own: dialling habits. 00, trunk prefixes and local numbers are for the device to resolve.

use std::fmt;

/// An E.164 number. 7 to 15 digits, no leading zero, held as digits in one integer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct E164(u64);

/// Why a text is no telephone number. The text itself is not repeated: it may be somebody's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumber {
    /// Not `+`, a digit from 1 to 9, and 6 to 14 digits more.
    #[error(
        "a number is written +, country code, subscriber number: 7 to 15 digits in all, nothing else \
         (+442079460001)"
    )]
    Form,
    /// The form is right, but no numbering plan has such a number.
    #[error("the number has the right form, but country code {country_code} has no such numbers")]
    Unassigned {
        /// The country code that the number begins with.
        country_code: u16,
    },
    /// The country code does not exist.
    #[error("the number begins with no country code that is in use")]
    UnknownCountry,
    /// A tel URI without the global form (RFC 3966 §5.1.4), or with parameters.
    #[error("a tel URI must hold a global number, without parameters: tel:+442079460001")]
    TelUri,
}

impl E164 {
    /// Reads the strict form `^\+[1-9]\d{6,14}$`. ASCII digits only: no letters, no full-width digits, no separators
    /// (abuse case T11).
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let digits = text.strip_prefix('+').ok_or(InvalidNumber::Form)?.as_bytes();
        if !(7..=15).contains(&digits.len()) || digits[0] == b'0' {
            return Err(InvalidNumber::Form);
        }
        digits
            .iter()
            .try_fold(0_u64, |value, digit| {
                digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0'))
            })
            .map(Self)
            .ok_or(InvalidNumber::Form)
    }

    /// Reads a tel URI in global form; visual separators (RFC 3966 §5.1.1) are dropped, parameters refused.
    pub fn from_tel_uri(text: &str) -> Result<Self, InvalidNumber> {
        let rest = text.get(4..).ok_or(InvalidNumber::TelUri)?;
        if !text.is_char_boundary(4) || rest.contains(';') || !rest.starts_with('+') {
            return Err(InvalidNumber::TelUri);
        }
        let bare: String = rest.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
        Self::parse(&bare)
    }

    /// Checks that a numbering plan has exactly this number: one that would only be right without a trunk prefix
    /// (`+4402079460001`) is none. Costs microseconds: done where a number enters the directory, not on every report.
    pub fn check_assigned(self) -> Result<(), InvalidNumber> {
        let text = self.to_string();
        let assigned = phonenumber::parse(None, &text).is_ok_and(|number| {
            number.is_valid() && number.format().mode(phonenumber::Mode::E164).to_string() == text
        });
        match self.country_code() {
            Some(_) if assigned => Ok(()),
            Some(country_code) => Err(InvalidNumber::Unassigned { country_code }),
            None => Err(InvalidNumber::UnknownCountry),
        }
    }

    /// The country code with which the number begins; `None` if none that is in use does. No country code is the
    /// beginning of another one, so that at most one fits.
    pub fn country_code(self) -> Option<u16> {
        let mut beginning = self.0;
        while beginning > 999 {
            beginning /= 10;
        }
        std::iter::successors(Some(beginning), |longer| Some(longer / 10).filter(|code| *code > 0))
            .filter_map(|code| u16::try_from(code).ok())
            .find(|code| phonenumber::metadata::DATABASE.region(code).is_some())
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// Shows the country code's first digit and the length, never the number: numbers do not belong in logs.
impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        write!(f, "E164(+{}…{} digits)", &text[..1], text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_the_strict_form_is_the_only_one() {
        assert!(E164::parse("+442079460001").is_ok());
        for wrong in [
            "442079460001",
            "+0442079460001",
            "00442079460001",
            "+44 20 7946 0001",
            "+44207946000a",
            "+123456",
            "+1234567890123456",
            "+",
            "",
            "+4420794600０1",
            "+442079460001;ext=5",
        ] {
            assert_eq!(E164::parse(wrong), Err(InvalidNumber::Form), "{wrong}");
        }
    }

    #[test]
    fn t11_a_tel_uri_must_be_global_and_bare() {
        assert_eq!(E164::from_tel_uri("tel:+44-20-7946-0001"), E164::parse("+442079460001"));
        for wrong in ["tel:0001", "tel:+442079460001;ext=12", "tel:", "tél:+442079460001"] {
            assert_eq!(E164::from_tel_uri(wrong), Err(InvalidNumber::TelUri), "{wrong}");
        }
    }

    #[test]
    fn s10_a_number_that_no_plan_knows_is_told_from_one_that_is_badly_written() {
        let check = |text| E164::parse(text).and_then(E164::check_assigned);
        assert_eq!(check("+442079460001"), Ok(()));
        for (unassigned, country_code) in [("+44000000", 44), ("+4420794600", 44), ("+18005551234567", 1)] {
            assert_eq!(check(unassigned), Err(InvalidNumber::Unassigned { country_code }), "{unassigned}");
        }
        assert_eq!(check("+9990000000"), Err(InvalidNumber::UnknownCountry));
        assert_eq!(check("44000000"), Err(InvalidNumber::Form));
    }

    #[test]
    fn t11_a_trunk_prefix_makes_no_second_form_of_a_number() {
        let number = E164::parse("+4402079460001").unwrap();
        assert_eq!(number.check_assigned(), Err(InvalidNumber::Unassigned { country_code: 44 }));
    }

    #[test]
    fn s10_the_example_mobile_number_of_every_plan_is_assigned() {
        let mut checked = 0;
        for plan in phonenumber::metadata::DATABASE.iter() {
            let example = plan.descriptors().mobile().and_then(|mobile| mobile.example());
            let Some(example) = example else { continue };
            let Ok(number) = E164::parse(&format!("+{}{example}", plan.country_code())) else { continue };
            assert_eq!(number.check_assigned(), Ok(()), "{} +{}", plan.id(), plan.country_code());
            assert_eq!(number.country_code(), Some(plan.country_code()), "{}", plan.id());
            checked += 1;
        }
        assert!(checked > 200, "only {checked} plans have an example");
    }

    #[test]
    fn l1_the_debug_form_shows_no_number() {
        assert_eq!(format!("{:?}", E164::parse("+442079460001").unwrap()), "E164(+4…12 digits)");
    }
}
