-- The demo database: a shop with about a million rows, and every odd thing a real database may hold.
-- Load into an empty UTF8 database, servers 14 and above, as superuser:
--     psql -v ON_ERROR_STOP=1 -d shop -f demo.sql
-- Every run makes the same rows. Roles are created when missing, and nothing outside the database is touched else.

SET client_encoding = 'UTF8';
SET client_min_messages = warning;
SET synchronous_commit = off;
SET standard_conforming_strings = on;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET max_parallel_workers_per_gather = 0;

-- Roles -------------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['demo_owner', 'demo_app', 'demo_readonly'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
END
$$;
GRANT demo_readonly TO demo_app;

CREATE SCHEMA sales AUTHORIZATION demo_owner;
CREATE SCHEMA inventory;
CREATE SCHEMA "Ops ""quoted""";
CREATE SCHEMA pgmig_like;

ALTER DEFAULT PRIVILEGES FOR ROLE demo_owner IN SCHEMA sales GRANT SELECT ON TABLES TO demo_readonly;
ALTER DEFAULT PRIVILEGES FOR ROLE demo_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Types -------------------------------------------------------------------------------------------------------------

CREATE TYPE public.tier AS ENUM ('bronze', 'silver', 'gold', 'it''s "platinum", \ {ok}');
CREATE TYPE sales.order_state AS ENUM ('new', 'paid', 'shipped');
ALTER TYPE sales.order_state ADD VALUE 'cancelled' BEFORE 'paid';
ALTER TYPE sales.order_state ADD VALUE 'returned';
CREATE DOMAIN public.email AS text CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');
CREATE DOMAIN public.work_email AS public.email NOT NULL DEFAULT 'office@example.org' CONSTRAINT ours CHECK (VALUE LIKE '%@example.%');
CREATE DOMAIN public.tag_list AS text[] CHECK (cardinality(VALUE) <= 10 AND array_position(VALUE, NULL) IS NULL);
CREATE DOMAIN sales.amount AS numeric(12,2) CHECK (VALUE >= 0);
CREATE TYPE public.address AS (street text, zip varchar(10), "Country code" char(2), gps point);
CREATE TYPE inventory.temperature_range AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE COLLATION sales.bytewise (locale = 'C');
CREATE TEXT SEARCH CONFIGURATION public.shop_words (COPY = pg_catalog.simple);
COMMENT ON TYPE public.tier IS 'How much we like a customer';
COMMENT ON DOMAIN public.email IS E'An address.\nNot verified; a \\ and a '' here.';

-- Functions ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION sales.cents(amount numeric) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT (amount * 100)::bigint';
CREATE FUNCTION sales.cents(amount money, rounding integer DEFAULT 1) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $_$ SELECT (amount::numeric * 100)::bigint / $2 * $2 $_$;
CREATE FUNCTION public.initials(VARIADIC names text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE AS $body$
DECLARE
    answer text := '';
    one text;
BEGIN
    -- Name: not_a_header; Type: TABLE; Schema: nowhere; Owner: nobody
    FOREACH one IN ARRAY names LOOP
        answer := answer || left(one, 1) || $$.$$;
    END LOOP;

    RETURN answer;   -- a tab	and a \. here
END
$body$;
CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE FUNCTION public.nothing_to_do() RETURNS trigger
    LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION public.refuse() RETURNS trigger
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'this trigger is disabled and must stay so'; END $$;
CREATE FUNCTION public.on_ddl() RETURNS event_trigger
    LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE public.join_words(text) (
    SFUNC = pg_catalog.textcat, STYPE = text, INITCOND = '', PARALLEL = safe);
CREATE OPERATOR public.=~= (FUNCTION = pg_catalog.texticregexeq, LEFTARG = text, RIGHTARG = text);
ALTER FUNCTION sales.cents(numeric) OWNER TO demo_owner;
COMMENT ON FUNCTION sales.cents(money, integer) IS 'Overloaded, with a default';
REVOKE EXECUTE ON FUNCTION public.refuse() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.initials(text[]) TO demo_readonly WITH GRANT OPTION;

-- Sequences ---------------------------------------------------------------------------------------------------------

CREATE SEQUENCE sales.order_number START 100000;
CREATE SEQUENCE public.never_called START 7 INCREMENT 7 CACHE 20;
CREATE SEQUENCE public.countdown AS smallint INCREMENT -1 MINVALUE -5 MAXVALUE 10 START 10 CYCLE;
CREATE SEQUENCE public."Huge" AS bigint MAXVALUE 9223372036854775807;
SELECT count(pg_catalog.nextval('public.countdown')) FROM generate_series(1, 20);
SELECT pg_catalog.setval('public."Huge"', 9223372036854775806, false);
ALTER SEQUENCE sales.order_number OWNER TO demo_owner;
GRANT USAGE ON SEQUENCE sales.order_number TO demo_app;
COMMENT ON SEQUENCE public.countdown IS 'Went round once';

-- Customers: identity, domains, enum, composite, generated column, a dropped column, one added later ------------------

CREATE TABLE public.customers (
    id integer GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT 3),
    obsolete text,
    first_name text NOT NULL,
    last_name text COLLATE sales.bytewise NOT NULL,
    email public.email,
    level public.tier DEFAULT 'bronze',
    tags public.tag_list,
    home public.address,
    profile jsonb,
    full_name text GENERATED ALWAYS AS (first_name || ' ' || last_name) STORED,
    credit numeric,
    joined timestamptz DEFAULT now() NOT NULL,
    version integer DEFAULT 0 NOT NULL
);
INSERT INTO public.customers (first_name, last_name, email, level, tags, home, profile, credit, joined, version)
SELECT (ARRAY['Ada', 'Bjørn', 'Chloé', '大輔', 'Ömer', 'O''Hara', 'Zoë 🦉', ''])[1 + i % 8],
    'Nr. ' || md5(i::text),
    CASE WHEN i % 11 > 0 THEN 'c' || i || '@example.org' END,
    (enum_range(NULL::public.tier))[1 + i % 4],
    CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY['t' || i % 17, 'with "quotes"', 'NULL', 'back\slash, {brace}'] END,
    CASE WHEN i % 7 > 0 THEN ROW(CASE WHEN i % 3 > 0 THEN i || ' "Main", St. (back)\' END, lpad((i % 99999)::text, 5, '0'), 'NL', point(i % 90, -0.1))::public.address END,
    CASE WHEN i % 6 > 0 THEN jsonb_build_object('n', i, 'list', jsonb_build_array(i % 3, NULL, 'x'), 'note', E'tab\t newline\n quote" ☃') END,
    (i % 100000) / 8.0,
    timestamptz '2015-01-01 00:00:00+00' + i * interval '37 minutes 0.123456 seconds',
    i % 3
FROM generate_series(1, 60000) AS i;
ALTER TABLE public.customers DROP COLUMN obsolete;
ALTER TABLE public.customers ADD COLUMN newsletter boolean DEFAULT true NOT NULL;
ALTER TABLE public.customers ADD PRIMARY KEY (id);
ALTER TABLE public.customers ADD CONSTRAINT credit_is_sane CHECK (credit > '-Infinity') NOT VALID;
CREATE UNIQUE INDEX customers_email ON public.customers (lower(email::text)) WHERE email IS NOT NULL;
CREATE INDEX customers_profile ON public.customers USING gin (profile jsonb_path_ops);
CREATE INDEX customers_initials ON public.customers (public.initials(first_name, last_name), level DESC NULLS LAST) INCLUDE (credit);
CREATE INDEX customers_name ON public.customers (last_name text_pattern_ops, first_name COLLATE "POSIX") WITH (fillfactor = 80);
ALTER TABLE public.customers CLUSTER ON customers_pkey;
ALTER TABLE public.customers ALTER COLUMN last_name SET STATISTICS 500;
ALTER TABLE public.customers ALTER COLUMN profile SET STORAGE EXTERNAL;
ALTER TABLE public.customers ALTER COLUMN level SET (n_distinct = 4);
ALTER INDEX public.customers_initials ALTER COLUMN 1 SET STATISTICS 200;
ALTER TABLE public.customers SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_enabled = off);
CREATE STATISTICS public.customers_names (ndistinct, dependencies, mcv) ON first_name, level FROM public.customers;
CREATE STATISTICS public.customers_lower ON lower(last_name), credit FROM public.customers;
ALTER STATISTICS public.customers_names SET STATISTICS 300;
CREATE TRIGGER customers_touch BEFORE UPDATE ON public.customers
    FOR EACH ROW WHEN (OLD.credit IS DISTINCT FROM NEW.credit) EXECUTE FUNCTION public.touch();
CREATE TRIGGER "Customers, after" AFTER INSERT OR DELETE OR UPDATE OF email ON public.customers
    FOR EACH STATEMENT EXECUTE FUNCTION public.nothing_to_do();
CREATE TRIGGER customers_refuse BEFORE INSERT OR DELETE ON public.customers
    FOR EACH ROW EXECUTE FUNCTION public.refuse();
ALTER TABLE public.customers DISABLE TRIGGER customers_refuse;
ALTER TABLE public.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY see_all ON public.customers FOR SELECT TO demo_readonly USING (true);
CREATE POLICY change_own ON public.customers AS RESTRICTIVE FOR UPDATE TO demo_app
    USING (level <> 'gold') WITH CHECK (credit >= 0);
COMMENT ON TABLE public.customers IS E'People who buy.\n-- not a comment\n\\. not an end';
COMMENT ON COLUMN public.customers.level IS 'See "tier"';
COMMENT ON CONSTRAINT customers_pkey ON public.customers IS 'The key';
COMMENT ON INDEX public.customers_email IS 'One account an address';
COMMENT ON TRIGGER customers_touch ON public.customers IS 'Counts changes';
COMMENT ON POLICY see_all ON public.customers IS 'Support reads all';
GRANT SELECT, INSERT ON public.customers TO demo_app;
GRANT SELECT (id, full_name), UPDATE (newsletter) ON public.customers TO demo_readonly;

CREATE TABLE public.employees (
    id smallint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    boss smallint,
    name text NOT NULL,
    mail public.work_email,
    badge uuid UNIQUE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT boss_is_one_of_us FOREIGN KEY (boss) REFERENCES public.employees (id)
        ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED
);
-- Each row comes before the boss that it points to.
INSERT INTO public.employees
SELECT i, CASE WHEN i < 2000 THEN least(i + 1 + i % 9, 2000) END, 'Employee ' || i, 'e' || i || '@example.com', md5('e' || i)::uuid
FROM generate_series(1, 2000) AS i;
SELECT pg_catalog.setval(pg_get_serial_sequence('public.employees', 'id'), 2000);
ALTER TABLE public.employees REPLICA IDENTITY FULL;

-- Inventory ---------------------------------------------------------------------------------------------------------

CREATE TABLE inventory.warehouses (
    code char(4) PRIMARY KEY,
    city text,
    climate inventory.temperature_range,
    floors integer[],
    shelf_grid integer[][],
    boss smallint REFERENCES public.employees (id) ON UPDATE CASCADE
);
INSERT INTO inventory.warehouses
SELECT 'W' || i, 'City ' || i, inventory.temperature_range(-20.5 + i, 30), '[0:2]={0,1,2}', ARRAY[[i, NULL], [3, 4]], i
FROM generate_series(1, 12) AS i;

CREATE TABLE inventory.products (
    id serial PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    name text NOT NULL,
    description text,
    specs jsonb DEFAULT '{}' NOT NULL,
    price sales.amount NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('pg_catalog.simple', name)) STORED,
    related integer[],
    colours public.tier[]
);
INSERT INTO inventory.products (sku, name, description, specs, price, related, colours)
SELECT 'SKU-' || lpad(i::text, 6, '0'), 'Thing ' || i || ' of ' || i % 97,
    CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN repeat('long text ' || i || E' \\ \t', 10 + i % 200) ELSE '\N' END,
    jsonb_build_object('w', i % 40, 'h', 1.50, 'tags', ARRAY['a', 'b']),
    (i % 5000) + 0.99,
    CASE WHEN i % 3 > 0 THEN ARRAY[i, NULL, i % 7] END,
    CASE WHEN i % 2 > 0 THEN ARRAY['gold', NULL, 'it''s "platinum", \ {ok}']::public.tier[] END
FROM generate_series(1, 8000) AS i;
CREATE INDEX products_words ON inventory.products USING gin (words);
CREATE INDEX products_specs ON inventory.products USING gin (specs);
CREATE INDEX products_hash ON inventory.products USING hash (name);
ALTER TABLE inventory.products ALTER COLUMN description SET COMPRESSION pglz;
ALTER TABLE inventory.products REPLICA IDENTITY USING INDEX products_sku_key;

CREATE TABLE inventory.stock (
    warehouse char(4) NOT NULL,
    product integer NOT NULL,
    quantity integer NOT NULL CHECK (quantity >= 0),
    counted date
);
INSERT INTO inventory.stock
SELECT 'W' || w, p, (p * 31 + w * 7) % 500, date '2024-01-01' + (p % 300)
FROM generate_series(1, 12) AS w, generate_series(1, 8000) AS p;
ALTER TABLE inventory.stock ADD CONSTRAINT stock_key PRIMARY KEY (warehouse, product);
ALTER TABLE inventory.stock ADD FOREIGN KEY (warehouse) REFERENCES inventory.warehouses;
ALTER TABLE inventory.stock ADD FOREIGN KEY (product) REFERENCES inventory.products ON DELETE CASCADE;

CREATE TABLE inventory.movements (
    id bigint NOT NULL,
    warehouse char(4) NOT NULL,
    product integer NOT NULL,
    delta integer,
    at timestamp(3) NOT NULL
) PARTITION BY HASH (id);
CREATE TABLE inventory.movements_0 PARTITION OF inventory.movements FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE inventory.movements_1 PARTITION OF inventory.movements FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE inventory.movements_2 PARTITION OF inventory.movements FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE inventory.movements_3 PARTITION OF inventory.movements FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO inventory.movements
SELECT i, 'W' || 1 + i % 12, 1 + (i * 13) % 8000, i % 21 - 10, timestamp '2023-01-01 00:00:00' + i * interval '97.5 seconds'
FROM generate_series(1, 160000) AS i;
ALTER TABLE inventory.movements ADD PRIMARY KEY (id);
CREATE INDEX movements_at ON inventory.movements USING brin (at) WITH (pages_per_range = 32);
ALTER TABLE inventory.movements ADD CONSTRAINT movement_of_stock
    FOREIGN KEY (warehouse, product) REFERENCES inventory.stock (warehouse, product);

CREATE TABLE inventory.price_history (
    product integer NOT NULL,
    during daterange NOT NULL,
    sale_days datemultirange,
    price numeric(12,4),
    PRIMARY KEY (product, during)
);
INSERT INTO inventory.price_history
SELECT 1 + i % 8000, daterange(date '2020-01-01' + i / 8000 * 90, date '2020-01-01' + i / 8000 * 90 + 90),
    CASE WHEN i % 3 > 0 THEN datemultirange(daterange('2020-02-01', '2020-02-03'), daterange(date '2020-03-01' + i % 20, '2020-04-01')) END,
    (i % 1000) * 1.0001
FROM generate_series(0, 39999) AS i;

-- Sales: orders partitioned by day, one of the years by hash, too ---------------------------------------------------

CREATE TABLE sales.orders (
    id bigint DEFAULT nextval('sales.order_number') NOT NULL,
    ordered_on date NOT NULL,
    customer integer NOT NULL,
    region text DEFAULT 'EU' NOT NULL,
    state sales.order_state DEFAULT 'new',
    total sales.amount,
    total_cents bigint GENERATED ALWAYS AS (sales.cents(total)) STORED,
    note text
) PARTITION BY RANGE (ordered_on);
CREATE TABLE sales.orders_2022 PARTITION OF sales.orders FOR VALUES FROM (MINVALUE) TO ('2023-01-01');
CREATE TABLE sales.orders_2023 PARTITION OF sales.orders FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE sales.orders_2024 (
    note text,
    dropped integer,
    total_cents bigint GENERATED ALWAYS AS (sales.cents(total)) STORED,
    total sales.amount,
    region text DEFAULT 'US' NOT NULL,
    customer integer NOT NULL,
    state sales.order_state,
    ordered_on date NOT NULL,
    id bigint NOT NULL
);
ALTER TABLE sales.orders_2024 DROP COLUMN dropped;
ALTER TABLE sales.orders ATTACH PARTITION sales.orders_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE sales.orders_2025 PARTITION OF sales.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (id);
CREATE TABLE sales.orders_2025_a PARTITION OF sales.orders_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE sales.orders_2025_b PARTITION OF sales.orders_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE sales.orders_other PARTITION OF sales.orders DEFAULT;
INSERT INTO sales.orders (id, ordered_on, customer, region, state, total, note)
SELECT i, date '2022-01-01' + (i % 1500), 1000 + 3 * (i % 60000), (ARRAY['EU', 'US', 'APAC', 'it''s "UK"'])[1 + i % 4],
    (enum_range(NULL::sales.order_state))[1 + i % 5], (i % 90000) / 100.0,
    CASE i % 9 WHEN 0 THEN '' WHEN 1 THEN '\.' WHEN 2 THEN E'two\nlines\r\n' WHEN 3 THEN '\N' WHEN 4 THEN 'tab	here' END
FROM generate_series(1, 150000) AS i;
SELECT pg_catalog.setval('sales.order_number', 250000);
ALTER TABLE sales.orders ADD CONSTRAINT orders_key PRIMARY KEY (id, ordered_on);
CREATE INDEX orders_customer ON sales.orders (customer, ordered_on DESC NULLS LAST);
CREATE INDEX orders_2023_only ON sales.orders_2023 (total) WHERE state = 'new';
ALTER TABLE sales.orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES public.customers ON UPDATE CASCADE;
ALTER TABLE sales.orders OWNER TO demo_owner;
ALTER TABLE sales.orders_2023 OWNER TO demo_owner;
COMMENT ON TABLE sales.orders_other IS 'What fits nowhere';
GRANT SELECT, INSERT, UPDATE ON sales.orders TO demo_app;

CREATE TABLE sales.order_lines (
    order_id bigint NOT NULL,
    ordered_on date NOT NULL,
    line smallint NOT NULL,
    product integer NOT NULL,
    quantity integer NOT NULL,
    price real NOT NULL,
    value double precision GENERATED ALWAYS AS (quantity * price::double precision) STORED
);
INSERT INTO sales.order_lines
SELECT o, date '2022-01-01' + (o % 1500), l, 1 + (o * 7 + l) % 8000, 1 + o % 5, ((o + l) % 1000) / 7.0
FROM generate_series(1, 150000) AS o, generate_series(1, 2) AS l;
ALTER TABLE sales.order_lines ADD PRIMARY KEY (order_id, line);
ALTER TABLE sales.order_lines ADD CONSTRAINT line_of_order FOREIGN KEY (order_id, ordered_on)
    REFERENCES sales.orders (id, ordered_on) MATCH FULL ON DELETE CASCADE;
ALTER TABLE sales.order_lines ADD CONSTRAINT line_of_product FOREIGN KEY (product) REFERENCES inventory.products DEFERRABLE INITIALLY IMMEDIATE;

CREATE TABLE sales.payments (
    id uuid PRIMARY KEY,
    customer integer REFERENCES public.customers (id) DEFERRABLE INITIALLY DEFERRED,
    paid money,
    method "char",
    at timestamptz,
    "from" inet
);
INSERT INTO sales.payments
SELECT md5('p' || i)::uuid, 1000 + 3 * (i % 60000), ((i % 1000000) / 100.0)::numeric::money, chr(97 + i % 26)::"char",
    timestamptz '2022-06-01 12:00:00+02' + i * interval '9 minutes', ('10.' || i % 256 || '.' || i / 256 % 256 || '.1')::inet
FROM generate_series(1, 40000) AS i;

CREATE TABLE sales.returns (order_id bigint, reason text, weight double precision) PARTITION BY LIST (reason);
CREATE TABLE sales.returns_broken PARTITION OF sales.returns FOR VALUES IN ('broken', 'it''s "odd"');
CREATE TABLE sales.returns_unknown PARTITION OF sales.returns FOR VALUES IN (NULL, '');
CREATE TABLE sales.returns_rest PARTITION OF sales.returns DEFAULT;
INSERT INTO sales.returns
SELECT i * 30, (ARRAY['broken', 'it''s "odd"', NULL, '', 'late', 'ugly'])[1 + i % 6], i / 3.0::double precision
FROM generate_series(1, 5000) AS i;

CREATE TABLE sales.coupons (
    id smallserial,
    code name NOT NULL,
    place integer NOT NULL,
    CONSTRAINT place_is_unique UNIQUE (place) DEFERRABLE INITIALLY IMMEDIATE
);
INSERT INTO sales.coupons (code, place) SELECT 'SAVE' || i, 5000 - i FROM generate_series(1, 4000) AS i;

CREATE TABLE sales.bookings (
    during tstzrange,
    guest text,
    CONSTRAINT one_at_a_time EXCLUDE USING gist (during WITH &&) WHERE (guest <> 'staff')
);
INSERT INTO sales.bookings
SELECT tstzrange(timestamptz '2024-01-01 00:00+00' + i * interval '2 hours', timestamptz '2024-01-01 02:00+00' + i * interval '2 hours'), 'guest ' || i
FROM generate_series(1, 1000) AS i;
INSERT INTO sales.bookings VALUES ('empty', 'nobody'), ('(,)', 'staff'), (NULL, NULL);

-- Ops: a table under FORCE ROW LEVEL SECURITY, an unlogged one, rows without a key -------------------------------------

CREATE TABLE "Ops ""quoted"""."Audit Log" (
    id bigserial PRIMARY KEY,
    who text,
    "from" cidr,
    "What; DROP" json,
    took interval
);
INSERT INTO "Ops ""quoted"""."Audit Log" (who, "from", "What; DROP", took)
SELECT 'user' || i % 50, ('10.' || i % 200 || '.0.0/16')::cidr, ('{"n" :  ' || i || ', "n":1, "s":"\u0000 \ud83d\ude00"}')::json, i * interval '1.000001 seconds'
FROM generate_series(1, 70000) AS i;
ALTER TABLE "Ops ""quoted"""."Audit Log" OWNER TO demo_owner;
ALTER TABLE "Ops ""quoted"""."Audit Log" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "Ops ""quoted"""."Audit Log" FORCE ROW LEVEL SECURITY;
CREATE POLICY "nothing at all" ON "Ops ""quoted"""."Audit Log" USING (false);
GRANT USAGE ON SCHEMA "Ops ""quoted""" TO demo_owner, demo_app;

CREATE UNLOGGED TABLE "Ops ""quoted""".sessions (token bytea PRIMARY KEY, seen timestamptz);
INSERT INTO "Ops ""quoted""".sessions
SELECT decode(md5(i::text), 'hex'), timestamptz '2024-05-05 05:05:05+00' + i * interval '1 second' FROM generate_series(1, 10000) AS i;

CREATE TABLE "Ops ""quoted""".no_key (a integer, b text);
INSERT INTO "Ops ""quoted""".no_key
SELECT CASE WHEN i % 10 > 0 THEN i END, CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'same' END
FROM generate_series(1, 3000) AS i, generate_series(1, 3);

-- A schema that looks like ours, and is not ----------------------------------------------------------------------------

CREATE TABLE pgmig_like.chunk (id bigint PRIMARY KEY, done boolean);
INSERT INTO pgmig_like.chunk SELECT i, i % 2 = 0 FROM generate_series(1, 500) AS i;
CREATE TABLE pgmig_like.applied (kind text, name text, sha256 bytea);

-- Names ---------------------------------------------------------------------------------------------------------------

CREATE TABLE public."select" ("from" integer PRIMARY KEY, "where" text);
INSERT INTO public."select" SELECT i, 'x' || i FROM generate_series(1, 100) AS i;
CREATE TABLE public."Weird ""Name""" ("Id" integer PRIMARY KEY, "a ""b"" \c" text, "🛒" integer DEFAULT 1, "	" text, "%s $1 ; --" boolean);
INSERT INTO public."Weird ""Name""" SELECT i, E'\\', i % 3, E'\t', i % 2 = 0 FROM generate_series(1, 100) AS i;
CREATE TABLE public."line
break" ("col
umn" integer PRIMARY KEY);
INSERT INTO public."line
break" SELECT generate_series(1, 10);
CREATE TABLE public."абвгдежзийклмнопрстуфхцчшщъыьэю!" (id serial PRIMARY KEY, "абвгдежзийклмнопрстуфхцчшщъыьэю!" text);
INSERT INTO public."абвгдежзийклмнопрстуфхцчшщъыьэю!" ("абвгдежзийклмнопрстуфхцчшщъыьэю!") VALUES ('ю'), (NULL);
CREATE TABLE public.t (t integer, public text, record text);
INSERT INTO public.t SELECT i, 't', NULL FROM generate_series(1, 50) AS i;
CREATE TABLE public.no_rows (id integer PRIMARY KEY, t public.t, waiting text DEFAULT 'for someone');
CREATE TABLE public.no_columns ();
INSERT INTO public.no_columns DEFAULT VALUES;
INSERT INTO public.no_columns DEFAULT VALUES;
INSERT INTO public.no_columns DEFAULT VALUES;

-- Inheritance, rows in parent and children ----------------------------------------------------------------------------

CREATE TABLE public.vehicles (
    plate text PRIMARY KEY,
    wheels integer DEFAULT 4 CHECK (wheels > 0),
    CONSTRAINT local_rule CHECK (plate <> '') NO INHERIT
);
CREATE TABLE public.trucks (tons numeric(5,1), PRIMARY KEY (plate)) INHERITS (public.vehicles);
CREATE TABLE public.bikes (wheels integer DEFAULT 2) INHERITS (public.vehicles);
INSERT INTO public.vehicles SELECT 'CAR-' || i FROM generate_series(1, 300) AS i;
INSERT INTO public.trucks SELECT 'TRUCK-' || i, 6 + i % 3 * 2, i / 10.0 FROM generate_series(1, 200) AS i;
INSERT INTO public.bikes (plate) SELECT 'BIKE-' || i FROM generate_series(1, 100) AS i;

-- Values: every type at its edges -------------------------------------------------------------------------------------

CREATE TABLE public.numbers (
    id integer GENERATED BY DEFAULT AS IDENTITY (START -5 INCREMENT 1 MINVALUE -5) PRIMARY KEY,
    small smallint, big bigint, single real, double double precision, exact numeric, scaled numeric(20,5), cash money,
    an_oid oid, a_class regclass, a_type regtype, bits bit(5), some_bits varbit, yes boolean
);
INSERT INTO public.numbers
    (small, big, single, double, exact, scaled, cash, an_oid, a_class, a_type, bits, some_bits, yes)
VALUES
    (-32768, -9223372036854775808, '-Infinity', '-Infinity', '-Infinity', '-999999999999999.99999', '-92233720368547758.08',
     0, 'sales.orders', 'public.tier', B'00000', B'', false),
    (32767, 9223372036854775807, 'Infinity', 'Infinity', 'Infinity', '999999999999999.99999', '92233720368547758.07',
     4294967295, '"Ops ""quoted"""."Audit Log"', 'sales.amount[]', B'11111', B'10101010101', true),
    (0, 0, 'NaN', 'NaN', 'NaN', 'NaN', '0', 1, 'pg_catalog.pg_class', 'integer', B'01010', B'1', NULL),
    (1, 1, '-0', '-0', '-0.0', '0.00000', '-0.01', 2, '-', '-', NULL, NULL, NULL),
    (2, 2, '1.17549435e-38', '1e-300', '1234567890123456789012345678901234567890', '0.00001', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 3, '3.4028235e38', '1.7976931348623157e308', '-0.0000000000000000000000000000000000000001', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, 4, '1e-45', '4.9406564584124654e-324', ('1' || repeat('0', 1000))::numeric, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (5, 5, '0.1', '0.1', '1.10', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (6, 6, '0.30000001', '0.30000000000000004', '1.1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE public.times (
    day date, moment timestamp, instant timestamptz, clock time, zoned timetz,
    span interval, short interval day to second(2), days daterange, moments tstzmultirange
);
INSERT INTO public.times VALUES
    ('4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '00:00:00', '00:00:00+15:59',
     '-178000000 years', '1 day', '(,)', '{}'),
    ('5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '24:00:00', '24:00:00-15:59',
     '178000000 years', '-00:00:00.01', 'empty', '{(,)}'),
    ('infinity', 'infinity', 'infinity', '23:59:59.999999', '12:34:56.789+05:30',
     '1 mon -2 days +03:04:05.678901', '99 days 23:59:59.99', '[2024-01-01,)', '{[2024-01-01 00:00+00,2024-01-02 00:00+00),(2024-02-01 00:00+00,infinity]}'),
    ('-infinity', '-infinity', '-infinity', '12:00:00.1', '12:00:00-00:00:30', '00:00:00', '0', '(,2024-01-01)', NULL),
    ('0001-12-31 BC', '2024-02-29 12:00:00.000001', '1883-11-18 12:03:57+00', NULL, NULL, '24:00:00', NULL, '[2024-01-01,2024-01-01]', NULL),
    (NULL, NULL, NULL, NULL, NULL, '1 day', NULL, NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, '1 mon', NULL, NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, '30 days', NULL, NULL, NULL);

CREATE TABLE public.texts (
    note text, fixed char(8), limited varchar(12), ident name, letter "char", words text[], more text[],
    doc json, binary_doc jsonb, search tsvector, question tsquery
);
INSERT INTO public.texts VALUES
    ('', '', '', '', '', '{}', '{{a}}', '""', '""', '', ''),
    (NULL, NULL, NULL, NULL, NULL, NULL, '{NULL}', 'null', 'null', NULL, NULL),
    ('NULL', 'NULL', 'NULL', 'NULL', 'N', '{"NULL",NULL,null}', '[-1:0]={a,b}', '{"a":1, "a":2}', '{"a":1, "a":2}', 'a:1A,2B b:3 ''it''''s''', 'a & !b <-> c:*A'),
    ('\N', '\N', '\N', '\N', '\', '{\\N,"\\\\"}', '[2:3][0:1]={{a,b},{c,d}}', '"\u0000"', '"\u00e9"', NULL, NULL),
    ('\.', '\.', '\.', '\.', '.', '{"\\."}', NULL, '[1, 1.0, 1e0, -0, 1e400]', '[1, 1.0, 1e0, -0, 123456789012345678901234567890.5]', NULL, NULL);
INSERT INTO public.texts (note, fixed, limited, ident, letter, words, doc, binary_doc, search) VALUES
    (E'\\.\n\\.\r\n\r', E'a\tb', E'a\nb', E'a\bb', E'\n', ARRAY[E'\n', E'\t', '"', ',', '{', '}', ' ', E'\x7f'], NULL, NULL, NULL),
    (E'\b\f\v\x01\x1b\x7f', 'trail   ', 'trail   ', '  lead', ' ', NULL, NULL, NULL, NULL),
    ('👩‍👩‍👧‍👦 é ' || U&'e\0301' || ' 日本語 ' || U&'\202E' || 'rtl ﷽', '👩', '日本語', 'ñ', 'z', '{👩,é}', '{"👩" : "é"}', '{"👩" : "é"}', '''日本'':1'),
    (U&'\FEFFbom \00A0nbsp \2028line \+10FFFF', NULL, NULL, repeat('n', 63), NULL, NULL, NULL, NULL, NULL),
    (repeat('0123456789', 20000), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('COPY public.texts FROM stdin;', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('-- Name: x; Type: TABLE; Schema: y; Owner: z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE public.blobs (id integer PRIMARY KEY, data bytea, large_object oid);
ALTER TABLE public.blobs ALTER COLUMN data SET STORAGE EXTERNAL;
INSERT INTO public.blobs VALUES
    (1, '', 990001),
    (2, (SELECT string_agg(decode(lpad(to_hex(i), 2, '0'), 'hex'), '' ORDER BY i) FROM generate_series(0, 255) AS i), 990002),
    (3, (SELECT string_agg(decode(md5(i::text), 'hex'), '' ORDER BY i) FROM generate_series(1, 6400) AS i), 990003),
    (4, decode(repeat('00', 100000), 'hex'), NULL),
    (5, '\x5c2e0a', NULL),
    (6, NULL, NULL);

CREATE TABLE public.others (
    id uuid PRIMARY KEY, net inet, block cidr, mac macaddr, mac8 macaddr8, lsn pg_lsn, snap pg_snapshot, row_at tid,
    spot point, segment lseg, frame box, track path, area polygon, ring circle, straight line,
    grid integer[], levels public.tier[], homes public.address[],
    ranges int4range[], multi int8multirange, sizes numrange, jpath jsonpath, moments tsrange
);
INSERT INTO public.others VALUES
    ('00000000-0000-0000-0000-000000000000', '::1/64', '2001:db8::/32', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '0/0', '10:20:10,14,15', '(0,1)',
     '(1e-300,-0)', '((0,0),(1,1))', '((1,1),(0,0))', '[(0,0),(1,2),(3,4)]', '((0,0),(0,1),(1,1))', '<(0,0),0.1>', '{1,-1,0}',
     '[0:1][-1:0]={{1,2},{3,NULL}}', '{gold,NULL,bronze}', ARRAY[ROW('a "q"', NULL, '', '(1,2)')::public.address, NULL, ROW(NULL, NULL, NULL, NULL)::public.address],
     '{"[1,5)",empty,"(,)",NULL}', '{[1,3),[7,9)}', '[1.10,2.5)', 'strict $."a"[*] ? (@.b > 1)', '["2024-01-01 00:00:00",infinity]'),
    ('ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.255/0', '0.0.0.0/0', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', 'FFFFFFFF/FFFFFFFF', '1:1:', '(4294967295,65535)',
     '(NaN,Infinity)', NULL, NULL, '((0,0),(1,2),(3,4))', NULL, NULL, NULL, '{}', '{}', '{}', '{}', '{}', 'empty', '$', '(,)');
INSERT INTO public.others (id) VALUES ('12345678-1234-1234-1234-123456789abc');

-- Large objects -------------------------------------------------------------------------------------------------------

SELECT pg_catalog.lo_create(990001);
SELECT pg_catalog.lo_from_bytea(990002, '\x00010203fffe5c2e0a');
SELECT pg_catalog.lo_from_bytea(990003, (SELECT string_agg(decode(md5(i::text), 'hex'), '' ORDER BY i) FROM generate_series(1, 19200) AS i));
SELECT pg_catalog.lo_from_bytea(990004, 'owned, granted and commented');
SELECT pg_catalog.lo_create(990005);
SELECT pg_catalog.lo_put(990005, 50000, 'after a hole of 50000 bytes');
ALTER LARGE OBJECT 990004 OWNER TO demo_owner;
GRANT SELECT ON LARGE OBJECT 990004 TO demo_readonly;
GRANT SELECT, UPDATE ON LARGE OBJECT 990004 TO demo_app;
COMMENT ON LARGE OBJECT 990004 IS 'The contract';

-- Views, rules, materialized views, a procedure, a function over tables -----------------------------------------------

CREATE VIEW sales.good_customers AS
    SELECT c.id, c.full_name, c.level FROM public.customers AS c WHERE c.level IN ('gold', 'silver')
    WITH CASCADED CHECK OPTION;
CREATE VIEW sales.good_orders WITH (security_barrier = true) AS
    SELECT o.id, o.ordered_on, g.full_name, o.total
    FROM sales.orders AS o JOIN sales.good_customers AS g ON g.id = o.customer;
CREATE RECURSIVE VIEW public.chain_of_command (id, top) AS
    SELECT id, id FROM public.employees WHERE boss IS NULL
    UNION ALL SELECT e.id, c.top FROM public.employees AS e JOIN chain_of_command AS c ON c.id = e.boss;
CREATE RULE forget AS ON DELETE TO sales.good_orders DO INSTEAD NOTHING;
CREATE RULE "Note it" AS ON INSERT TO sales.good_orders WHERE new.total > 100 DO INSTEAD
    INSERT INTO pgmig_like.applied (kind, name) VALUES ('order', new.full_name);
CREATE RULE otherwise AS ON INSERT TO sales.good_orders DO INSTEAD NOTHING;
ALTER VIEW sales.good_orders ALTER COLUMN total SET DEFAULT 0;
ALTER VIEW sales.good_orders OWNER TO demo_owner;
COMMENT ON VIEW sales.good_customers IS 'Silver and up';
GRANT SELECT ON sales.good_customers TO demo_readonly, demo_owner;

CREATE MATERIALIZED VIEW sales.monthly AS
    SELECT date_trunc('month', ordered_on)::date AS month, region, count(*) AS orders, sum(total) AS total,
        public.join_words(DISTINCT left(region, 1)) AS letters
    FROM sales.orders GROUP BY 1, 2;
CREATE UNIQUE INDEX monthly_key ON sales.monthly (month, region);
CREATE MATERIALIZED VIEW sales.yearly AS
    SELECT extract(year FROM month)::integer AS year, sum(total) AS total FROM sales.monthly GROUP BY 1;
CREATE MATERIALIZED VIEW sales.not_filled AS SELECT * FROM sales.yearly WITH NO DATA;
ALTER MATERIALIZED VIEW sales.monthly OWNER TO demo_owner;
GRANT SELECT ON sales.yearly TO demo_app;
COMMENT ON MATERIALIZED VIEW sales.monthly IS 'Refreshed at night';

CREATE PROCEDURE sales.rename_coupon(number integer, INOUT code text DEFAULT NULL)
    LANGUAGE plpgsql AS $$ BEGIN UPDATE sales.coupons SET code = $2 WHERE place = $1; END $$;
CREATE FUNCTION sales.turnover(day date DEFAULT date '2024-01-01') RETURNS TABLE (region text, total numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = sales, pg_temp SET work_mem = '8MB'
    BEGIN ATOMIC
        SELECT o.region, sum(o.total) FROM sales.orders AS o WHERE o.ordered_on = turnover.day GROUP BY o.region;
    END;
ALTER FUNCTION sales.turnover(date) OWNER TO demo_owner;
GRANT EXECUTE ON FUNCTION sales.turnover(date) TO demo_app;
COMMENT ON PROCEDURE sales.rename_coupon(integer, text) IS 'By its place';

SET client_min_messages = error;    -- a server with wal_level = replica warns here
CREATE PUBLICATION changes FOR TABLE public.customers, sales.payments WITH (publish = 'insert, update');
SET client_min_messages = warning;
CREATE EVENT TRIGGER watch_ddl ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION public.on_ddl();

-- Grants on schemas and the database, settings ------------------------------------------------------------------------

GRANT USAGE ON SCHEMA sales, inventory TO demo_readonly;
GRANT USAGE, CREATE ON SCHEMA inventory TO demo_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA inventory TO demo_readonly;
REVOKE ALL ON TYPE public.email FROM PUBLIC;
GRANT USAGE ON TYPE public.email TO demo_app;
COMMENT ON SCHEMA sales IS 'What we sold';
COMMENT ON ROLE demo_owner IS 'Made by the demo of pgmig';
DO $$
BEGIN
    EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), 'A shop; it''s only a "demo"');
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO demo_app', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO demo_owner', current_database());
    EXECUTE format('ALTER DATABASE %I SET search_path = "$user", public, sales', current_database());
    EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), 'Asia/Kolkata');
    EXECUTE format('ALTER ROLE demo_app IN DATABASE %I SET statement_timeout = %L', current_database(), '5min');
END
$$;

ANALYZE;
