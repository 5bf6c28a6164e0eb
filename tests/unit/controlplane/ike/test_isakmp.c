// ISAKMP header, chain and writer; Notification, Delete and vendor IDs. Mostly what must be
// refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "isakmp.h"
#include "notify.h"
#include "vendor.h"

static const uint8_t ci[8] = "initiatr", cr[8] = "respondr";

static struct isakmp_header header(void)
{
	struct isakmp_header h = {
		.version = ISAKMP_VERSION_1,
		.exchange = ISAKMP_EXCHANGE_INFO,
		.message_id = 0x01020304,
	};

	memcpy(h.cookie_i, ci, 8);
	memcpy(h.cookie_r, cr, 8);
	return h;
}

// An exact-size copy on the heap, so that the sanitizer sees one byte too many.
static int chain_read(uint8_t first, const uint8_t *data, size_t len, bool padded,
                      struct isakmp_chain *c)
{
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, data, len);
	err = isakmp_chain_read(first, copy, len, padded, c);
	free(copy);
	return err;
}

static void header_checks(void **state)
{
	uint8_t buf[64];
	struct isakmp_header h = header();
	struct isakmp_message m;
	size_t len;

	(void)state;
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	isakmp_payload_put(&m, ISAKMP_NONCE, "nonce678", 8);
	len = isakmp_message_end(&m);
	assert_int_equal(len, ISAKMP_HEADER + 12);
	assert_int_equal(isakmp_header_read(buf, len, &h), 0);
	assert_int_equal(h.next, ISAKMP_NONCE);
	assert_int_equal(h.message_id, 0x01020304);
	assert_int_equal(h.length, len);
	assert_memory_equal(h.cookie_r, cr, 8);

	// Every shorter datagram, and a longer one.
	for (size_t n = 0; n < len; n++)
		assert_int_equal(isakmp_header_read(buf, n, &h), -EMSGSIZE);
	assert_int_equal(isakmp_header_read(buf, len + 1, &h), -EMSGSIZE);
	buf[17] = 0x20; // IKEv2
	assert_int_equal(isakmp_header_read(buf, len, &h), -EPROTONOSUPPORT);
	buf[17] = 0x11;
	assert_int_equal(isakmp_header_read(buf, len, &h), -EPROTONOSUPPORT);
	buf[17] = 0x10;
	buf[19] = 0x80;
	assert_int_equal(isakmp_header_read(buf, len, &h), -EBADMSG);
	buf[19] = 0;
	memset(buf, 0, 8);
	assert_int_equal(isakmp_header_read(buf, len, &h), -EBADMSG);
}

static void chain_splits(void **state)
{
	const uint8_t data[] = {ISAKMP_VENDOR, 0, 0, 8, 1, 2, 3, 4, ISAKMP_VENDOR, 0, 0, 4,
	                        ISAKMP_NONE,   0, 0, 5, 9, 0, 0, 0};
	struct isakmp_chain c;

	(void)state;
	assert_int_equal(isakmp_chain_read(ISAKMP_NONCE, data, sizeof(data), true, &c), 0);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.len, 17);
	assert_int_equal(c.padding, 3);
	assert_int_equal(isakmp_chain_count(&c, ISAKMP_VENDOR), 2);
	assert_ptr_equal(isakmp_chain_find(&c, ISAKMP_VENDOR, 1), &c.payloads[2]);
	assert_null(isakmp_chain_find(&c, ISAKMP_VENDOR, 2));
	assert_int_equal(c.payloads[1].len, 0);
	assert_int_equal(c.payloads[2].body[0], 9);
	// The same bytes in clear: nothing may follow the last payload.
	assert_int_equal(chain_read(ISAKMP_NONCE, data, sizeof(data), false, &c), -EBADMSG);
	assert_int_equal(chain_read(ISAKMP_NONCE, data, 17, false, &c), 0);
	// Cut anywhere.
	for (size_t n = 0; n < 17; n++)
		assert_int_equal(chain_read(ISAKMP_NONCE, data, n, true, &c), -EBADMSG);
}

static void chain_refuses(void **state)
{
	static const struct {
		uint8_t first;
		uint8_t data[8];
		int err;
	} bad[] = {
		{ISAKMP_NONE, {0, 0, 0, 8}, -EBADMSG},
		{ISAKMP_NONCE, {0, 0, 0, 3}, -EBADMSG}, // shorter than its own header
		{ISAKMP_NONCE, {0, 0, 0, 0}, -EBADMSG}, // would loop for ever
		{ISAKMP_NONCE, {0, 0, 0, 9}, -EBADMSG}, // one byte too long
		{ISAKMP_NONCE, {0, 0, 0xff, 0xff}, -EBADMSG},
		{ISAKMP_NONCE, {0, 0x80, 0, 8}, -EBADMSG}, // IKEv2's critical bit
		{33, {0, 0, 0, 8}, -ENOTSUP},              // IKEv2's SA
		{ISAKMP_PROPOSAL, {0, 0, 0, 8}, -ENOTSUP}, // only inside of an SA
		{ISAKMP_FRAGMENT, {0, 0, 0, 8}, -ENOTSUP}, // never agreed on
		{ISAKMP_NONCE, {46, 0, 0, 4, 0, 0, 0, 4}, -ENOTSUP},
	};
	struct isakmp_chain c;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(chain_read(bad[i].first, bad[i].data, 8, false, &c), bad[i].err);
}

static void chain_is_bounded(void **state)
{
	uint8_t data[4 * (ISAKMP_PAYLOADS_MAX + 1)] = {0};
	struct isakmp_chain c;

	(void)state;
	for (unsigned i = 0; i <= ISAKMP_PAYLOADS_MAX; i++) {
		data[4 * i] = ISAKMP_VENDOR;
		data[4 * i + 3] = 4;
	}
	data[4 * ISAKMP_PAYLOADS_MAX] = ISAKMP_NONE;
	assert_int_equal(chain_read(ISAKMP_VENDOR, data, sizeof(data), false, &c), -E2BIG);
	data[4 * (ISAKMP_PAYLOADS_MAX - 1)] = ISAKMP_NONE;
	assert_int_equal(chain_read(ISAKMP_VENDOR, data, sizeof(data) - 4, false, &c), 0);
	assert_int_equal(c.count, ISAKMP_PAYLOADS_MAX);
}

static void writer_fails_at_every_size(void **state)
{
	struct isakmp_header h = header();
	struct isakmp_message m;
	uint8_t *buf;

	(void)state;
	for (size_t size = 0; size < 72; size++) {
		buf = malloc(size ? size : 1);
		isakmp_message_begin(&m, buf, size, &h);
		notify_write_dpd(&m, NOTIFY_R_U_THERE, ci, cr, 1);
		isakmp_payload_put(&m, ISAKMP_NONCE, "12345678", 8);
		assert_int_equal(isakmp_message_end(&m), 0);
		free(buf);
	}
}

// What was written, read back as the only payload of a message.
static const struct isakmp_payload *only(struct isakmp_message *m, uint8_t type,
                                         struct isakmp_chain *c)
{
	struct isakmp_header h;
	size_t len = isakmp_message_end(m);

	assert_int_equal(isakmp_header_read(m->w.start, len, &h), 0);
	assert_int_equal(isakmp_chain_read(h.next, m->w.start + ISAKMP_HEADER, len - ISAKMP_HEADER,
	                                   false, c),
	                 0);
	assert_int_equal(c->count, 1);
	assert_int_equal(c->payloads[0].type, type);
	return &c->payloads[0];
}

static void dpd_round_trip(void **state)
{
	struct isakmp_header h = header();
	struct isakmp_message m;
	struct isakmp_chain c;
	struct isakmp_notify n;
	uint8_t buf[128];
	uint32_t seq;

	(void)state;
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	notify_write_dpd(&m, NOTIFY_R_U_THERE_ACK, ci, cr, 0x7fffffff);
	assert_int_equal(notify_read(only(&m, ISAKMP_NOTIFY, &c), &n), 0);
	assert_int_equal(n.type, NOTIFY_R_U_THERE_ACK);
	assert_string_equal(isakmp_notify_name(n.type), "R_U_THERE_ACK");
	assert_int_equal(notify_read_dpd(&n, ci, cr, &seq), 0);
	assert_int_equal(seq, 0x7fffffff);
	assert_int_equal(notify_read_dpd(&n, cr, ci, &seq), -ESTALE);
	n.data_len = 3;
	assert_int_equal(notify_read_dpd(&n, ci, cr, &seq), -EBADMSG);
	n.data_len = 4;
	n.protocol = ISAKMP_PROTO_ESP;
	assert_int_equal(notify_read_dpd(&n, ci, cr, &seq), -EBADMSG);
}

static void notify_lengths(void **state)
{
	// DOI 1, protocol 1, SPI size 16, but 15 bytes of SPI.
	const uint8_t body[23] = {0, 0, 0, 1, 1, 16, 0x8d, 0x28};
	struct isakmp_payload p = {ISAKMP_NOTIFY, sizeof(body), body};
	struct isakmp_notify n;

	(void)state;
	for (uint16_t len = 0; len <= sizeof(body); len++) {
		p.len = len;
		assert_int_equal(notify_read(&p, &n), -EBADMSG);
	}
}

static void lifetime_round_trip(void **state)
{
	struct isakmp_header h = header();
	struct isakmp_message m;
	struct isakmp_chain c;
	struct isakmp_notify n;
	uint32_t seconds, kilobytes;
	uint8_t buf[128];

	(void)state;
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	notify_write_lifetime(&m, 0x1234, ci, cr, 3600, 4608000);
	assert_int_equal(notify_read(only(&m, ISAKMP_NOTIFY, &c), &n), 0);
	assert_int_equal(n.protocol, ISAKMP_PROTO_ESP);
	assert_int_equal(notify_read_lifetime(&n, &seconds, &kilobytes), 0);
	assert_int_equal(seconds, 3600);
	assert_int_equal(kilobytes, 4608000);
	n.data_len -= 1;
	assert_int_equal(notify_read_lifetime(&n, &seconds, &kilobytes), -EBADMSG);
}

// Of the IKE SA the numbers of RFC 2407 and those of RFC 2409 are the same; of ESP 11 and 12 are
// something else.
static void lifetime_of_the_ike_sa(void **state)
{
	static const struct {
		uint8_t data[12], len;
	} cases[] = {
		{{0x80, 1, 0, 1, 0, 2, 0, 4, 0, 0, 0x0e, 0x10}, 12},
		{{0x80, 1, 0, 1, 0x80, 2, 0x0e, 0x10}, 8},
		{{0x80, 11, 0, 1, 0, 12, 0, 4, 0, 0, 0x0e, 0x10}, 12},
		{{0x80, 11, 0, 1, 0x80, 12, 0x0e, 0x10}, 8},
	};
	uint8_t cookies[16];
	uint32_t seconds, kilobytes;

	(void)state;
	memcpy(cookies, ci, 8);
	memcpy(cookies + 8, cr, 8);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct isakmp_notify n = {.protocol = ISAKMP_PROTO_ISAKMP,
		                          .spi_len = 16,
		                          .spi = cookies,
		                          .data = cases[i].data,
		                          .data_len = cases[i].len};

		assert_int_equal(notify_read_lifetime(&n, &seconds, &kilobytes), 0);
		assert_int_equal(seconds, 3600);
		assert_int_equal(kilobytes, 0);
		assert_true(notify_is_about(&n, ci, cr));
		assert_false(notify_is_about(&n, cr, ci));
		n.spi_len = 15;
		assert_false(notify_is_about(&n, ci, cr));
		n.spi_len = 0;
		assert_true(notify_is_about(&n, ci, cr));
		n.data_len--;
		assert_int_equal(notify_read_lifetime(&n, &seconds, &kilobytes), -EBADMSG);
		n.data_len++;
		n.protocol = ISAKMP_PROTO_ESP;
		assert_false(notify_is_about(&n, ci, cr));
		assert_int_equal(notify_read_lifetime(&n, &seconds, &kilobytes), 0);
		assert_int_equal(seconds, i < 2 ? 3600 : 0);
	}
}

static void delete_round_trip(void **state)
{
	struct isakmp_header h = header();
	struct isakmp_message m;
	struct isakmp_chain c;
	struct isakmp_delete d;
	uint8_t buf[128];

	(void)state;
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	delete_write_esp(&m, 0x80000001);
	assert_int_equal(delete_read(only(&m, ISAKMP_DELETE, &c), &d), 0);
	assert_int_equal(d.protocol, ISAKMP_PROTO_ESP);
	assert_int_equal(delete_spi(&d, 0), 0x80000001);
	assert_int_equal(delete_spi(&d, 1), 0);
	assert_false(delete_names_cookies(&d, 0, ci, cr));

	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	delete_write_sa(&m, ci, cr);
	assert_int_equal(delete_read(only(&m, ISAKMP_DELETE, &c), &d), 0);
	assert_true(delete_names_cookies(&d, 0, ci, cr));
	assert_false(delete_names_cookies(&d, 0, cr, ci));
	assert_false(delete_names_cookies(&d, 1, ci, cr));
}

static void delete_refuses(void **state)
{
	static const uint8_t bodies[][12] = {
		{0, 0, 0, 1, 3, 4, 0, 0},                // no SPI
		{0, 0, 0, 1, 3, 4, 0, 2, 1, 2, 3, 4},    // two promised, one there
		{0, 0, 0, 1, 3, 4, 0xff, 0xff, 1, 2, 3}, // many promised
		{0, 0, 0, 1, 3, 0, 0, 1},                // of no size
		{0, 0, 0, 1, 1, 4, 0, 1, 1, 2, 3, 4},    // an ISAKMP SA has 16 bytes
		{0, 0, 0, 1, 9, 4, 0, 1, 1, 2, 3, 4},    // no such protocol
	};
	struct isakmp_delete d;

	(void)state;
	for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct isakmp_payload p = {ISAKMP_DELETE, 12, bodies[i]};

		assert_int_equal(delete_read(&p, &d), -EBADMSG);
		p.len = 7;
		assert_int_equal(delete_read(&p, &d), -EBADMSG);
	}
}

static void vendor_ids(void **state)
{
	const uint8_t frag[20] = {0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85, 0x25, 0xe7,
	                          0xde, 0x7f, 0x00, 0xd6, 0xc2, 0xd3, 0x80, 0x00, 0x00, 0x00};
	struct isakmp_header h = header();
	struct isakmp_message m;
	struct isakmp_chain c;
	uint8_t buf[512];
	uint32_t all = 0;
	size_t len;

	(void)state;
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	for (unsigned v = VENDOR_UNKNOWN + 1; v < VENDOR_COUNT; v++) {
		vendor_write(&m, (enum vendor)v);
		all |= 1u << v;
	}
	len = isakmp_message_end(&m);
	assert_int_equal(isakmp_chain_read(ISAKMP_VENDOR, buf + ISAKMP_HEADER, len - ISAKMP_HEADER,
	                                   false, &c),
	                 0);
	assert_int_equal(vendor_scan(&c), all);
	assert_int_equal(vendor_recognise(c.payloads[0].body, 16), VENDOR_DPD);
	assert_int_equal(vendor_recognise(c.payloads[0].body, 15), VENDOR_UNKNOWN);
	assert_int_equal(vendor_recognise(frag, sizeof(frag)), VENDOR_FRAGMENTATION);
	assert_int_equal(vendor_recognise(frag, 0), VENDOR_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_checks),
		cmocka_unit_test(chain_splits),
		cmocka_unit_test(chain_refuses),
		cmocka_unit_test(chain_is_bounded),
		cmocka_unit_test(writer_fails_at_every_size),
		cmocka_unit_test(dpd_round_trip),
		cmocka_unit_test(notify_lengths),
		cmocka_unit_test(lifetime_round_trip),
		cmocka_unit_test(lifetime_of_the_ike_sa),
		cmocka_unit_test(delete_round_trip),
		cmocka_unit_test(delete_refuses),
		cmocka_unit_test(vendor_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
