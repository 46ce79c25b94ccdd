//! OIDs of the built-in types, as `record_send` writes them before each value.
//!
//! From `src/include/catalog/pg_type.dat`, where they are assigned by hand and never change:
//! drivers have them compiled in. Only types whose values are not OIDs themselves; the
//! differential test compares each with the servers.

/// Of a value that the definition casts to text, or makes text of.
pub(super) const TEXT: u32 = 25;
/// Of the numbers of large objects and their pieces.
pub(super) const BIGINT: u32 = 20;
/// Of a value that the definition runs through its send function.
pub(super) const BYTEA: u32 = 17;

/// Name as `format_type` gives it without modifier, OID, OID of its array type.
const BUILT_IN: &[(&str, u32, u32)] = &[
    ("boolean", 16, 1000),
    ("bytea", 17, 1001),
    ("\"char\"", 18, 1002),
    ("name", 19, 1003),
    ("bigint", 20, 1016),
    ("smallint", 21, 1005),
    ("int2vector", 22, 1006),
    ("integer", 23, 1007),
    ("text", 25, 1009),
    ("oid", 26, 1028),
    ("tid", 27, 1010),
    ("xid", 28, 1011),
    ("cid", 29, 1012),
    ("oidvector", 30, 1013),
    ("json", 114, 199),
    ("xml", 142, 143),
    ("point", 600, 1017),
    ("lseg", 601, 1018),
    ("path", 602, 1019),
    ("box", 603, 1020),
    ("polygon", 604, 1027),
    ("line", 628, 629),
    ("cidr", 650, 651),
    ("real", 700, 1021),
    ("double precision", 701, 1022),
    ("circle", 718, 719),
    ("macaddr8", 774, 775),
    ("money", 790, 791),
    ("macaddr", 829, 1040),
    ("inet", 869, 1041),
    ("bpchar", 1042, 1014),
    ("character", 1042, 1014),
    ("character varying", 1043, 1015),
    ("date", 1082, 1182),
    ("time without time zone", 1083, 1183),
    ("timestamp without time zone", 1114, 1115),
    ("timestamp with time zone", 1184, 1185),
    ("interval", 1186, 1187),
    ("time with time zone", 1266, 1270),
    ("\"bit\"", 1560, 1561),
    ("bit", 1560, 1561),
    ("bit varying", 1562, 1563),
    ("numeric", 1700, 1231),
    ("refcursor", 1790, 2201),
    ("uuid", 2950, 2951),
    ("txid_snapshot", 2970, 2949),
    ("pg_lsn", 3220, 3221),
    ("tsvector", 3614, 3643),
    ("tsquery", 3615, 3645),
    ("jsonb", 3802, 3807),
    ("int4range", 3904, 3905),
    ("numrange", 3906, 3907),
    ("tsrange", 3908, 3909),
    ("tstzrange", 3910, 3911),
    ("daterange", 3912, 3913),
    ("int8range", 3926, 3927),
    ("jsonpath", 4072, 4073),
    ("int4multirange", 4451, 6150),
    ("nummultirange", 4532, 6151),
    ("tsmultirange", 4533, 6152),
    ("tstzmultirange", 4534, 6153),
    ("datemultirange", 4535, 6155),
    ("int8multirange", 4536, 6157),
    ("pg_snapshot", 5038, 5039),
    ("xid8", 5069, 271),
];

/// The OID of a type of its own or of an array; `None` of one that is not known to have the
/// same everywhere. `data_type` is without modifier.
pub(super) fn of_type(data_type: &str) -> Option<u32> {
    let (name, is_array) = match data_type.strip_suffix("[]") {
        Some(element) => (element, true),
        None => (data_type, false),
    };
    // Fields, as in `interval year to month`, are not in parentheses.
    let name = if name.starts_with("interval ") {
        "interval"
    } else {
        name
    };
    BUILT_IN
        .iter()
        .find(|(known, _, _)| *known == name)
        .map(|(_, own, array)| if is_array { *array } else { *own })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_as_format_type_spells_them() {
        for (data_type, oid) in [
            ("integer", Some(23)),
            ("integer[]", Some(1007)),
            ("\"char\"", Some(18)),
            ("character", Some(1042)),
            ("bpchar", Some(1042)),
            ("bit", Some(1560)),
            ("\"bit\"[]", Some(1561)),
            ("interval year to month", Some(1186)),
            ("interval day[]", Some(1187)),
            ("regclass", None),
            ("public.integer", None),
            ("mood", None),
        ] {
            assert_eq!(of_type(data_type), oid, "{data_type}");
        }
    }
}
