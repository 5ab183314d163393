//! Status codes of SIP responses (RFC 3261, section 21, and the registry's later ones) with their reason phrases.

use std::fmt;

/// A status code, 100..=699.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(u16);

impl Status {
    /// The call is being worked on.
    pub const TRYING: Status = Status(100);
    /// The called side rings.
    pub const RINGING: Status = Status(180);
    /// Early media or news about the call.
    pub const SESSION_PROGRESS: Status = Status(183);
    /// It worked.
    pub const OK: Status = Status(200);
    /// The request is malformed.
    pub const BAD_REQUEST: Status = Status(400);
    /// Credentials are wanted by the called side.
    pub const UNAUTHORIZED: Status = Status(401);
    /// Understood and refused.
    pub const FORBIDDEN: Status = Status(403);
    /// Nobody has this address.
    pub const NOT_FOUND: Status = Status(404);
    /// Not for this method.
    pub const METHOD_NOT_ALLOWED: Status = Status(405);
    /// Credentials are wanted by a proxy.
    pub const PROXY_AUTHENTICATION_REQUIRED: Status = Status(407);
    /// No answer came in time.
    pub const REQUEST_TIMEOUT: Status = Status(408);
    /// The body's type is not understood.
    pub const UNSUPPORTED_MEDIA_TYPE: Status = Status(415);
    /// A required extension is not supported.
    pub const BAD_EXTENSION: Status = Status(420);
    /// Nobody is there now.
    pub const TEMPORARILY_UNAVAILABLE: Status = Status(480);
    /// No such call.
    pub const CALL_DOES_NOT_EXIST: Status = Status(481);
    /// The request has been here before.
    pub const LOOP_DETECTED: Status = Status(482);
    /// Too many stations on the way.
    pub const TOO_MANY_HOPS: Status = Status(483);
    /// The line is busy.
    pub const BUSY_HERE: Status = Status(486);
    /// The caller gave up.
    pub const REQUEST_TERMINATED: Status = Status(487);
    /// No common media.
    pub const NOT_ACCEPTABLE_HERE: Status = Status(488);
    /// Another change is under way.
    pub const REQUEST_PENDING: Status = Status(491);
    /// Something broke on this side.
    pub const SERVER_INTERNAL_ERROR: Status = Status(500);
    /// The method is not known.
    pub const NOT_IMPLEMENTED: Status = Status(501);
    /// Too much to do: try later.
    pub const SERVICE_UNAVAILABLE: Status = Status(503);
    /// Not this version of SIP.
    pub const VERSION_NOT_SUPPORTED: Status = Status(505);
    /// Busy everywhere.
    pub const BUSY_EVERYWHERE: Status = Status(600);
    /// The called side does not want this call.
    pub const DECLINE: Status = Status(603);

    /// A status from a number; none outside 100..=699.
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 100 && code <= 699 { Some(Status(code)) } else { None }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// 1xx: more will come.
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// 2xx.
    pub const fn is_success(self) -> bool {
        self.0 >= 200 && self.0 < 300
    }

    /// The reason phrase; for codes not named here, that of their class.
    pub const fn reason(self) -> &'static str {
        match self.0 {
            100 => "Trying",
            180 => "Ringing",
            181 => "Call Is Being Forwarded",
            182 => "Queued",
            183 => "Session Progress",
            200 => "OK",
            202 => "Accepted",
            400 => "Bad Request",
            401 => "Unauthorized",
            402 => "Payment Required",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            407 => "Proxy Authentication Required",
            408 => "Request Timeout",
            410 => "Gone",
            413 => "Request Entity Too Large",
            414 => "Request-URI Too Long",
            415 => "Unsupported Media Type",
            416 => "Unsupported URI Scheme",
            420 => "Bad Extension",
            421 => "Extension Required",
            422 => "Session Interval Too Small",
            423 => "Interval Too Brief",
            433 => "Anonymity Disallowed",
            480 => "Temporarily Unavailable",
            481 => "Call/Transaction Does Not Exist",
            482 => "Loop Detected",
            483 => "Too Many Hops",
            484 => "Address Incomplete",
            485 => "Ambiguous",
            486 => "Busy Here",
            487 => "Request Terminated",
            488 => "Not Acceptable Here",
            491 => "Request Pending",
            493 => "Undecipherable",
            500 => "Server Internal Error",
            501 => "Not Implemented",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Server Time-out",
            505 => "Version Not Supported",
            513 => "Message Too Large",
            600 => "Busy Everywhere",
            603 => "Decline",
            604 => "Does Not Exist Anywhere",
            406 | 606 => "Not Acceptable",
            607 => "Unwanted",
            608 => "Rejected",
            _ => match self.0 / 100 {
                1 => "In Progress",
                2 => "Success",
                3 => "Redirected",
                4 => "Request Failed",
                5 => "Server Failed",
                _ => "Failed Everywhere",
            },
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.0, self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stay_within_their_range() {
        assert_eq!(Status::new(99), None);
        assert_eq!(Status::new(700), None);
        assert_eq!(Status::new(699).map(Status::reason), Some("Failed Everywhere"));
        assert_eq!(Status::BUSY_HERE.to_string(), "486 Busy Here");
        assert!(Status::RINGING.is_provisional() && !Status::OK.is_provisional());
        assert!(Status::OK.is_success() && !Status::DECLINE.is_success());
    }
}
