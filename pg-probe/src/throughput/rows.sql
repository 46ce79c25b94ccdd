-- Rows of about 1 kB without an end, made as they are sent: nothing is read from a table,
-- nothing is kept. The text is cut out of a block that is made once and looks random, so that
-- whatever compresses on the way finds little. Since 9.5.
copy (
    select
        row_number,
        convert_from(
            substring(
                letters
                from (row_number * 7919 % (octet_length(letters) - 1000))::integer + 1
                for 1000
            ),
            'SQL_ASCII'
        )
    from (
        select generate_series(1, 9000000000000000) as row_number, block.letters
        from (
            select (
                select convert_to(translate(
                    encode(string_agg(int4send(hashint4(n)), ''::bytea order by n), 'base64'),
                    E'\n', ''
                ), 'SQL_ASCII')
                from generate_series(1, 65536) n
            ) as letters
        ) block
    ) counted
) to stdout
