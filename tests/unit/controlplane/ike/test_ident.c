// Identification payloads: what is written is read back, and what must be refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "hex.h"
#include "ident.h"

static int read_hex(const char *text, struct ident *id)
{
	size_t len = strlen(text) / 2;
	uint8_t *body = malloc(len ? len : 1);
	struct isakmp_payload p = {ISAKMP_ID, (uint16_t)unhex(text, body, len), body};
	int err = ident_read(&p, id);

	// Names point into the body: not to be looked at after this.
	free(body);
	return err;
}

static struct ip_prefix prefix(const char *text, uint8_t len)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return prefix_make(&a, len);
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		const char *prefix;
		int err;
	} v[] = {
		{"011101f4c0000201", "192.0.2.1/32", 0},
		{"040000000a020000ffff0000", "10.2.0.0/16", 0},
		{"040000000a020001ffff0000", "10.2.0.0/16", 0}, // host bits
		{"040000000000000000000000", "0.0.0.0/0", 0},
		{"040000000a020000ff00ff00", NULL, -EBADMSG}, // holes
		{"040000000a020000ffff00", NULL, -EBADMSG},
		{"040000000a020000ffff000000", NULL, -EBADMSG},
		{"070000000a0200000a0200ff", "10.2.0.0/24", 0},
		{"070000000a0200000a0200fe", NULL, -ENOTSUP},
		{"070000000a0200010a020001", "10.2.0.1/32", 0},
		{"0700000000000000ffffffff", "0.0.0.0/0", 0},
		{"070000000a0200020a020001", NULL, -EBADMSG}, // backwards
		{"01000000c00002", NULL, -EBADMSG},
		{"01000000", NULL, -EBADMSG},
		{"0100", NULL, -EBADMSG},
		{"", NULL, -EBADMSG},
		{"0500000020010db8000000000000000000000001", "2001:db8::1/128", 0},
		{"0600000020010db8000000000000000000000000ffffffff000000000000000000000000",
	         "2001:db8::/32", 0},
		{"0600000020010db8000000000000000000000000ffffffff000000000000000000000001", NULL,
	         -EBADMSG}, // holes
		{"0600000020010db8000000000000000000000000ffffffff0000000000000000000000", NULL,
	         -EBADMSG},
		{"0500000020010db80000000000000000000000", NULL, -EBADMSG},
		{"0800000020010db800000000000000000000000020010db80000000000000000ffffffff",
	         "2001:db8::/96", 0},
		{"0800000020010db800000000000000000000000120010db8000000000000000000000009", NULL,
	         -ENOTSUP}, // no prefix
		{"0c00000001020304", NULL, -ENOTSUP},
		{"0000000001020304", NULL, -ENOTSUP},
	};
	char out[PREFIX_TEXT];
	struct ident id;

	(void)state;
	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(read_hex(v[i].text, &id), v[i].err);
		if (v[i].err)
			continue;
		assert_true(ident_is_address(&id));
		assert_string_equal(prefix_format(&id.prefix, out), v[i].prefix);
	}
}

static void names(void **state)
{
	const uint8_t fqdn[] = {2, 17, 1, 0xf4, 'g', 'w', '\n', 'x'};
	const uint8_t key[] = {11, 0, 0, 0, 'l', 'a', 'b'};
	struct isakmp_payload p = {ISAKMP_ID, sizeof(fqdn), fqdn};
	char out[IDENT_TEXT];
	struct ident id;

	(void)state;
	assert_int_equal(ident_read(&p, &id), 0);
	assert_int_equal(ident_check_phase1(&id), 0);
	assert_string_equal(ident_format(&id, out), "gw?x");
	p = (struct isakmp_payload){ISAKMP_ID, sizeof(key), key};
	assert_int_equal(ident_read(&p, &id), 0);
	assert_string_equal(ident_format(&id, out), "lab");
	assert_int_equal(read_hex("02000000", &id), -EBADMSG);         // empty
	assert_int_equal(read_hex("0200000061006200", &id), -EBADMSG); // NULs
}

static void long_name_is_cut(void **state)
{
	uint8_t body[600] = {IDENT_FQDN};
	struct isakmp_payload p = {ISAKMP_ID, sizeof(body), body};
	char out[IDENT_TEXT];
	struct ident id;

	(void)state;
	memset(body + 4, 'a', sizeof(body) - 4);
	assert_int_equal(ident_read(&p, &id), 0);
	assert_int_equal(strlen(ident_format(&id, out)), IDENT_TEXT - 1);
	body[0] = IDENT_DN;
	assert_int_equal(ident_read(&p, &id), 0);
	assert_int_equal(strlen(ident_format(&id, out)), IDENT_TEXT - 2);
}

static void phase1_rules(void **state)
{
	struct ident id;

	(void)state;
	assert_int_equal(read_hex("01000000c0000201", &id), 0);
	assert_int_equal(ident_check_phase1(&id), 0);
	assert_int_equal(read_hex("01111194c0000201", &id), 0); // UDP 4500
	assert_int_equal(ident_check_phase1(&id), 0);
	assert_int_equal(read_hex("01060050c0000201", &id), 0); // TCP 80
	assert_int_equal(ident_check_phase1(&id), -EBADMSG);
	assert_int_equal(read_hex("01110050c0000201", &id), 0); // UDP 80
	assert_int_equal(ident_check_phase1(&id), -EBADMSG);
	assert_int_equal(read_hex("04000000c0000200ffffff00", &id), 0);
	assert_int_equal(ident_check_phase1(&id), -EBADMSG);
}

static void selector_round_trip(void **state)
{
	const struct isakmp_header h = {.cookie_i = "x", .version = ISAKMP_VERSION_1};
	struct selector s = {prefix("10.1.0.0", 24), prefix("10.2.0.7", 32), 6, 0, 80}, back;
	struct isakmp_message m;
	struct isakmp_chain c;
	struct ident i, r;
	uint8_t buf[128];
	size_t len;

	(void)state;
	for (int initiator = 0; initiator < 2; initiator++) {
		isakmp_message_begin(&m, buf, sizeof(buf), &h);
		ident_write_selector(&m, &s, initiator);
		len = isakmp_message_end(&m);
		assert_int_equal(isakmp_chain_read(ISAKMP_ID, buf + ISAKMP_HEADER,
		                                   len - ISAKMP_HEADER, false, &c),
		                 0);
		assert_int_equal(ident_read(&c.payloads[0], &i), 0);
		assert_int_equal(ident_read(&c.payloads[1], &r), 0);
		assert_int_equal(initiator ? ident_selector(&i, &r, &back)
		                           : ident_selector(&r, &i, &back),
		                 0);
		assert_true(selector_equal(&s, &back));
	}
	i.proto = 17;
	assert_int_equal(ident_selector(&i, &r, &back), -EINVAL);
	i.proto = r.proto = 0; // a port without a protocol
	assert_int_equal(ident_selector(&i, &r, &back), -EINVAL);
	i.port = r.port = 0;
	i.prefix = prefix("2001:db8::", 32);
	assert_int_equal(ident_selector(&i, &r, &back), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),           cmocka_unit_test(names),
		cmocka_unit_test(long_name_is_cut),    cmocka_unit_test(phase1_rules),
		cmocka_unit_test(selector_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
