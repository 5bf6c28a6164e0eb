// SA payloads: our offers read back, choice by our order, answers, and what real and hostile peers
// send.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "hex.h"
#include "proposal.h"

static const struct ike_suite aes256 = {IKE_CIPHER_AES, IKE_HASH_SHA256, 256, 14, 86400};
static const struct ike_suite aes128 = {IKE_CIPHER_AES, IKE_HASH_SHA256, 128, 14, 3600};
static const struct ike_suite tdes = {IKE_CIPHER_3DES, IKE_HASH_SHA1, 0, 2, 86400};
static const struct esp_suite gcm = {
	SA_CIPHER_AES_GCM_16, SA_AUTH_NONE, SA_MODE_TUNNEL, 128, 0, 3600, 4608000};
static const struct esp_suite cbc = {
	SA_CIPHER_AES_CBC, SA_AUTH_HMAC_SHA256_128, SA_MODE_TUNNEL, 256, 14, 3600, 0};

struct sa_body {
	uint8_t buf[1024];
	const uint8_t *body;
	size_t len;
};

static void begin(struct isakmp_message *m, struct sa_body *b)
{
	const struct isakmp_header h = {.cookie_i = "x", .version = ISAKMP_VERSION_1};

	isakmp_message_begin(m, b->buf, sizeof(b->buf), &h);
}

// The SA payload's body of a message that was written.
static void end(struct isakmp_message *m, struct sa_body *b)
{
	size_t len = isakmp_message_end(m);

	assert_true(len > 0);
	b->body = b->buf + ISAKMP_HEADER + ISAKMP_PAYLOAD_HEADER;
	b->len = len - ISAKMP_HEADER - ISAKMP_PAYLOAD_HEADER;
}

static void offer_ike(struct sa_body *b, const struct ike_suite *suites, unsigned n)
{
	struct isakmp_message m;

	begin(&m, b);
	proposal_write_ike(&m, suites, n);
	end(&m, b);
}

static void offer_esp(struct sa_body *b, const struct esp_suite *suites, unsigned n,
                      enum sa_encap encap)
{
	struct isakmp_message m;

	begin(&m, b);
	proposal_write_esp(&m, suites, n, encap, 0xc0ffee01);
	end(&m, b);
}

static void phase1_by_our_order(void **state)
{
	const struct ike_suite theirs[] = {tdes, aes128, aes256}, ours[] = {aes256, aes128, tdes};
	const struct ike_suite weak[] = {tdes};
	struct isakmp_message m;
	struct ike_choice c, answer;
	struct sa_body b, reply;

	(void)state;
	offer_ike(&b, theirs, 3);
	assert_int_equal(proposal_choose_ike(b.body, b.len, ours, 3, &c), 0);
	assert_int_equal(c.raw.index, 0);
	assert_int_equal(c.raw.transform, 3);
	assert_int_equal(c.suite.key_bits, 256);

	begin(&m, &reply);
	proposal_write_ike_answer(&m, &c);
	end(&m, &reply);
	assert_int_equal(proposal_accept_ike(reply.body, reply.len, theirs, 3, &answer), 0);
	assert_int_equal(answer.raw.index, 2);
	assert_int_equal(answer.suite.lifetime, 86400);
	// Something that was never offered.
	assert_int_equal(proposal_accept_ike(reply.body, reply.len, weak, 1, &answer), -ENOENT);
	// More than one transform is no answer.
	assert_int_equal(proposal_accept_ike(b.body, b.len, theirs, 3, &answer), -EBADMSG);
	assert_int_equal(proposal_choose_ike(b.body, b.len, &aes256, 0, &c), -ENOENT);
}

static void shorter_lifetime_wins(void **state)
{
	struct ike_suite ours = aes128, theirs = aes128;
	struct ike_choice c;
	struct sa_body b;

	(void)state;
	theirs.lifetime = 2147483;
	offer_ike(&b, &theirs, 1);
	assert_int_equal(proposal_choose_ike(b.body, b.len, &ours, 1, &c), 0);
	assert_int_equal(c.suite.lifetime, 3600);
	theirs.lifetime = 0;
	offer_ike(&b, &theirs, 1);
	assert_int_equal(proposal_choose_ike(b.body, b.len, &ours, 1, &c), 0);
	assert_int_equal(c.suite.lifetime, 3600);
	theirs.lifetime = 600;
	offer_ike(&b, &theirs, 1);
	assert_int_equal(proposal_choose_ike(b.body, b.len, &ours, 1, &c), 0);
	assert_int_equal(c.suite.lifetime, 600);
}

// As Cisco's VPN client sends it: numbered from 0, key length before the cipher, weak ones too,
// XAUTH authentication, lifetime of 2147483 s in four bytes.
static void cisco_client(void **state)
{
	const char *text = "0000000100000001" // DOI, situation
			   "0000007c00010003" // proposal 0, ISAKMP, no SPI, 3 transforms
			   "0300002800010000" // transform 0: AES-256, SHA, group 14, XAUTH
			   "800e010080010007800200028004000e8003fde9800b0001000c00040020c49b"
			   "0300002801010000" // transform 1: the same with PSK
			   "800e010080010007800200028004000e80030001800b0001000c00040020c49b"
			   "0000002402010000" // transform 2: DES, MD5, group 2
			   "80010001800200018004000280030001800b0001000c00040020c49b";
	const struct ike_suite ours[] = {aes128, {IKE_CIPHER_AES, IKE_HASH_SHA1, 256, 14, 86400}};
	uint8_t body[256];
	struct ike_choice c;
	size_t len;

	(void)state;
	len = unhex(text, body, sizeof(body));
	assert_int_equal(proposal_choose_ike(body, len, ours, 2, &c), 0);
	assert_int_equal(c.raw.proposal, 0);
	assert_int_equal(c.raw.transform, 1);
	assert_int_equal(c.raw.index, 1);
	assert_int_equal(c.suite.lifetime, 86400);
}

static void every_cut_is_refused(void **state)
{
	const struct ike_suite ours[] = {aes256, tdes};
	struct ike_choice c;
	struct sa_body b;

	(void)state;
	offer_ike(&b, ours, 2);
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, b.body, n);
		assert_int_equal(proposal_choose_ike(copy, n, ours, 2, &c), -EBADMSG);
		free(copy);
	}
}

static void shape_is_checked(void **state)
{
	struct sa_body b;
	uint8_t *p;

	(void)state;
	offer_ike(&b, &aes128, 1);
	p = b.buf + ISAKMP_HEADER + ISAKMP_PAYLOAD_HEADER;
	assert_int_equal(proposal_validate(b.body, b.len), 0);
	p[3] = 2; // DOI
	assert_int_equal(proposal_validate(b.body, b.len), -EPROTONOSUPPORT);
	p[3] = 1;
	memset(p + 4, 0xff, 4); // all situation bits
	assert_int_equal(proposal_validate(b.body, b.len), -EPROTONOSUPPORT);
	memset(p + 4, 0, 3);
	p[7] = 1;
	p[15] = 2; // number of transforms
	assert_int_equal(proposal_validate(b.body, b.len), -EBADMSG);
	p[15] = 0;
	assert_int_equal(proposal_validate(b.body, b.len), -EBADMSG);
	p[15] = 1;
	p[8] = 2; // another proposal promised
	assert_int_equal(proposal_validate(b.body, b.len), -EBADMSG);
	p[8] = 7;
	assert_int_equal(proposal_validate(b.body, b.len), -EBADMSG);
	p[8] = 0;
	p[14] = 255; // SPI longer than all
	assert_int_equal(proposal_validate(b.body, b.len), -EBADMSG);
	p[14] = 0;
	p[16] = 3; // another transform promised
	assert_int_equal(proposal_validate(b.body, b.len), -EBADMSG);
	p[16] = 0;
	assert_int_equal(proposal_validate(b.body, b.len), 0);
}

// A body with one phase 1 transform of these attributes; the choice points into it.
static int choose_attributes(const char *attributes, const struct ike_suite *ours,
                             struct ike_choice *c)
{
	static uint8_t body[128] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0,
	                            1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0};
	size_t n = 24 + unhex(attributes, body + 24, sizeof(body) - 24);

	body[11] = (uint8_t)(n - 8);
	body[19] = (uint8_t)(n - 16);
	return proposal_choose_ike(body, n, ours, 1, c);
}

static void attributes_are_judged(void **state)
{
	static const struct {
		const char *attributes;
		int err;
	} cases[] = {
		// AES, SHA-256, group 14, PSK; no key length means 128.
		{"80010007800200048004000e80030001", 0},
		{"80010007800200048004000e80030001800e0080", 0},
		{"80010007800200048004000e80030001800e0081", -ENOENT}, // odd key length
		{"80010007800200048004000e80030001800e0000", -ENOENT},
		{"80010007800200048004000e8003000180010007", -ENOENT}, // twice
		{"80010007800200048004000e80030001800d0001", -ENOENT}, // a PRF
		{"80010007800200048004000e80030001c0010001", -ENOENT}, // private type
		{"80010007800200048004000e", -ENOENT},                 // no authentication
		{"800100078002000480030001", -ENOENT},                 // no group
		{"80010007800200048004000e80030003", -ENOENT},         // RSA
		{"0001000400000007800200048004000e80030001", -ENOENT}, // basic in the long form
		{"80010007800200048004000e80030001000b00020001", -ENOENT},
		{"80010007800200048004000e80030001800c0001", -ENOENT}, // duration without type
		{"80010007800200048004000e80030001800b0001", -ENOENT}, // type without duration
		{"80010007800200048004000e80030001800b0003800c0001", -ENOENT},
		{"80010007800200048004000e80030001800b0001800c0000", 0}, // 0 seconds
		{"80010007800200048004000e80030001800b0001000c000400000000", 0},
		{"80010007800200048004000e80030001800b0000800c0e10", -ENOENT}, // type 0
		{"80010007800200048004000e80030001800b0001800c0000800b0001800c0e10", -ENOENT},
		{"80010007800200048004000e80030001800b0001800c0e10800b0001800c0000", -ENOENT},
		{"80010007800200048004000e80030001800b0001800c0000800b0002800c0000", 0},
		{"80010007800200048004000e80030001800b0001800c0e10800b0002800c0e10", 0},
		{"80010007800200048004000e80030001800b0001800c0e10800b0001800c0e10", -ENOENT},
		{"80010007800200048004000e80030001800b0001000c0000", -EBADMSG}, // no bytes
		{"80010007800200048004000e80030001800b0001000c00ff01", -EBADMSG},
		{"80010007800200048004000e80030001800b", -EBADMSG},
	};
	struct ike_choice c;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(choose_attributes(cases[i].attributes, &aes128, &c), cases[i].err);
	}
}

static void long_lifetime_is_cut(void **state)
{
	const char *eight = "80010007800200048004000e80030001800b0001000c0008ffffffffffffffff";
	struct ike_suite ours = aes128;
	struct ike_choice c;

	(void)state;
	assert_int_equal(choose_attributes(eight, &ours, &c), 0);
	assert_int_equal(c.suite.lifetime, 3600);
	ours.lifetime = 0;
	assert_int_equal(choose_attributes(eight, &ours, &c), 0);
	assert_int_equal(c.suite.lifetime, UINT32_MAX);
}

static void esp_round_trip(void **state)
{
	struct esp_suite theirs[] = {cbc, gcm}, ours[] = {gcm, cbc};
	struct isakmp_message m;
	struct esp_choice c, answer;
	struct sa_body b, reply;

	(void)state;
	theirs[1].pfs_group = 14;
	theirs[1].lifetime_seconds = 1200;
	offer_esp(&b, theirs, 2, SA_ENCAP_NONE);
	assert_int_equal(proposal_choose_esp(b.body, b.len, ours, 2, SA_ENCAP_NONE, &c), 0);
	assert_int_equal(c.raw.index, 0);
	assert_int_equal(c.raw.transform_id, 20);
	assert_int_equal(c.spi, 0xc0ffee01);
	assert_int_equal(c.suite.pfs_group, 14); // theirs; ours has none
	assert_int_equal(c.suite.lifetime_seconds, 1200);
	assert_int_equal(c.suite.lifetime_kilobytes, 4608000);

	begin(&m, &reply);
	proposal_write_esp_answer(&m, &c, 0x1000);
	end(&m, &reply);
	assert_int_equal(
		proposal_accept_esp(reply.body, reply.len, theirs, 2, SA_ENCAP_NONE, &answer), 0);
	assert_int_equal(answer.raw.index, 1);
	assert_int_equal(answer.spi, 0x1000);
	theirs[1].pfs_group = 5; // as if that had been offered
	assert_int_equal(
		proposal_accept_esp(reply.body, reply.len, theirs, 2, SA_ENCAP_NONE, &answer),
		-ENOENT);
	assert_int_equal(
		proposal_accept_esp(reply.body, reply.len, theirs, 2, SA_ENCAP_UDP, &answer),
		-ENOENT);
}

// RFC 4304: offered with the attribute and without, chosen by our order, echoed.
static void extended_sequence_numbers(void **state)
{
	struct esp_suite with = cbc, both[2], reverse[2];
	struct isakmp_message m;
	struct esp_choice c, answer;
	struct sa_body b, reply;

	(void)state;
	with.esn = true;
	both[0] = reverse[1] = with;
	both[1] = reverse[0] = cbc;
	offer_esp(&b, both, 2, SA_ENCAP_NONE);
	assert_int_equal(proposal_choose_esp(b.body, b.len, &cbc, 1, SA_ENCAP_NONE, &c), 0);
	assert_int_equal(c.raw.transform, 2);
	assert_false(c.suite.esn);
	assert_int_equal(proposal_choose_esp(b.body, b.len, reverse, 2, SA_ENCAP_NONE, &c), 0);
	assert_false(c.suite.esn); // who prefers to go without does
	assert_int_equal(proposal_choose_esp(b.body, b.len, both, 2, SA_ENCAP_NONE, &c), 0);
	assert_int_equal(c.raw.transform, 1);
	assert_true(c.suite.esn);

	begin(&m, &reply);
	proposal_write_esp_answer(&m, &c, 0x1000);
	end(&m, &reply);
	assert_int_equal(
		proposal_accept_esp(reply.body, reply.len, both, 2, SA_ENCAP_NONE, &answer), 0);
	assert_true(answer.suite.esn);
	// Nobody gets them who did not ask, and nobody is let off who insists.
	assert_int_equal(
		proposal_accept_esp(reply.body, reply.len, &cbc, 1, SA_ENCAP_NONE, &answer),
		-ENOENT);
	offer_esp(&b, &cbc, 1, SA_ENCAP_NONE);
	assert_int_equal(proposal_choose_esp(b.body, b.len, &with, 1, SA_ENCAP_NONE, &c), -ENOENT);
}

// A body with one AES-256-GCM transform of these attributes; the choice points into it.
static int choose_esp_attributes(const char *attributes, const struct esp_suite *ours,
                                 struct esp_choice *c)
{
	static uint8_t body[128] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0,  1, 3,
	                            4, 1, 0, 0, 8, 1, 0, 0, 0, 0, 1, 20, 0, 0};
	size_t n = 28 + unhex(attributes, body + 28, sizeof(body) - 28);

	body[11] = (uint8_t)(n - 8);
	body[23] = (uint8_t)(n - 20);
	return proposal_choose_esp(body, n, ours, 1, SA_ENCAP_NONE, c);
}

// strongSwan with rekey_time = 0, or a life_bytes under 1000: 0 says nothing, so ours hold, and the
// answer repeats it as it came. An answer with 0 to what we offered leaves us ours.
static void lifetime_0_says_nothing(void **state)
{
	const char *ike = "80010007800200048004000e80030001800b0001800c0000";
	const char *esp = "800400018006008080010001800200008001000200020004"
			  "00000000";
	struct isakmp_message m;
	struct ike_choice c, answer;
	struct esp_choice e, esp_answer;
	struct sa_body reply;

	(void)state;
	assert_int_equal(choose_attributes(ike, &aes128, &c), 0);
	assert_int_equal(c.suite.lifetime, 3600);
	assert_int_equal(c.raw.attributes_len, strlen(ike) / 2);
	begin(&m, &reply);
	proposal_write_ike_answer(&m, &c);
	end(&m, &reply);
	assert_memory_equal(reply.body + reply.len - strlen(ike) / 2, c.raw.attributes,
	                    strlen(ike) / 2);
	assert_int_equal(proposal_accept_ike(reply.body, reply.len, &aes128, 1, &answer), 0);
	assert_int_equal(answer.suite.lifetime, 3600);

	assert_int_equal(choose_esp_attributes(esp, &gcm, &e), 0);
	assert_int_equal(e.suite.lifetime_seconds, 3600);
	assert_int_equal(e.suite.lifetime_kilobytes, 4608000);
	begin(&m, &reply);
	proposal_write_esp_answer(&m, &e, 0x1000);
	end(&m, &reply);
	assert_memory_equal(reply.body + reply.len - strlen(esp) / 2, e.raw.attributes,
	                    strlen(esp) / 2);
	assert_int_equal(
		proposal_accept_esp(reply.body, reply.len, &gcm, 1, SA_ENCAP_NONE, &esp_answer), 0);
	assert_int_equal(esp_answer.suite.lifetime_seconds, 3600);
	assert_int_equal(esp_answer.suite.lifetime_kilobytes, 4608000);
}

static void hostile_sequence_attributes(void **state)
{
	static const struct {
		const char *attributes;
		int err, err_plain; // with extended numbers wanted, and not
	} cases[] = {
		{"8004000180060080", -ENOENT, 0},
		{"8004000180060080800b0001", 0, -ENOENT},
		{"800b00018004000180060080", 0, -ENOENT},
		{"8004000180060080800b0000", -ENOENT, -ENOENT}, // reserved
		{"8004000180060080800b0002", -ENOENT, -ENOENT},
		{"8004000180060080800b0101", -ENOENT, -ENOENT},
		{"8004000180060080800bffff", -ENOENT, -ENOENT},
		{"8004000180060080800b0001800b0001", -ENOENT, -ENOENT}, // twice
		{"8004000180060080800b0001800b0000", -ENOENT, -ENOENT},
		{"8004000180060080000b0002"
	         "0001",
	         -ENOENT, -ENOENT}, // the long form
		{"8004000180060080000b0008"
	         "0000000000000001",
	         -ENOENT, -ENOENT},
		{"8004000180060080000b0000", -EBADMSG, -EBADMSG},
		{"8004000180060080000b0001", -EBADMSG, -EBADMSG},
		{"8004000180060080000bffff01", -EBADMSG, -EBADMSG},
		{"8004000180060080800b00", -EBADMSG, -EBADMSG},
		{"8004000180060080800b", -EBADMSG, -EBADMSG},
		{"8004000180060080800a0001", -ENOENT, -ENOENT}, // others near it
		{"8004000180060080800c0001", -ENOENT, -ENOENT},
	};
	struct esp_suite with = gcm;
	struct esp_choice c;

	(void)state;
	with.esn = true;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(choose_esp_attributes(cases[i].attributes, &with, &c),
		                 cases[i].err);
		assert_int_equal(choose_esp_attributes(cases[i].attributes, &gcm, &c),
		                 cases[i].err_plain);
	}
}

static void encapsulation_must_fit(void **state)
{
	struct esp_choice c;
	struct sa_body b;

	(void)state;
	offer_esp(&b, &cbc, 1, SA_ENCAP_UDP);
	assert_int_equal(proposal_choose_esp(b.body, b.len, &cbc, 1, SA_ENCAP_NONE, &c), -ENOENT);
	assert_int_equal(proposal_choose_esp(b.body, b.len, &cbc, 1, SA_ENCAP_UDP, &c), 0);
	// The draft's number for UDP-Encapsulated-Tunnel: the first attribute's value.
	b.buf[ISAKMP_HEADER + ISAKMP_PAYLOAD_HEADER + 8 + 12 + 8 + 2] = 0xf0;
	assert_int_equal(proposal_choose_esp(b.body, b.len, &cbc, 1, SA_ENCAP_UDP, &c), 0);
}

static void esp_refuses(void **state)
{
	const size_t proposal = ISAKMP_HEADER + ISAKMP_PAYLOAD_HEADER + 8, spi = proposal + 8;
	struct esp_suite naked = {SA_CIPHER_NULL, SA_AUTH_NONE, SA_MODE_TUNNEL, 0, 0, 0, 0};
	struct esp_suite open = {SA_CIPHER_AES_CBC, SA_AUTH_NONE, SA_MODE_TUNNEL, 128, 0, 0, 0};
	struct esp_suite transport = cbc;
	struct esp_choice c;
	struct sa_body b;

	(void)state;
	offer_esp(&b, &naked, 1, SA_ENCAP_NONE);
	assert_int_equal(proposal_choose_esp(b.body, b.len, &naked, 1, SA_ENCAP_NONE, &c), -ENOENT);
	offer_esp(&b, &open, 1, SA_ENCAP_NONE);
	assert_int_equal(proposal_choose_esp(b.body, b.len, &open, 1, SA_ENCAP_NONE, &c), -ENOENT);
	transport.mode = SA_MODE_TRANSPORT;
	offer_esp(&b, &transport, 1, SA_ENCAP_NONE);
	assert_int_equal(proposal_choose_esp(b.body, b.len, &cbc, 1, SA_ENCAP_NONE, &c), -ENOENT);

	offer_esp(&b, &gcm, 1, SA_ENCAP_NONE);
	b.buf[spi + 4 + 5] = 18; // GCM with an ICV of 8 bytes
	assert_int_equal(proposal_choose_esp(b.body, b.len, &gcm, 1, SA_ENCAP_NONE, &c), -ENOENT);
	b.buf[spi + 4 + 5] = 20;
	b.buf[proposal + 5] = ISAKMP_PROTO_AH;
	assert_int_equal(proposal_choose_esp(b.body, b.len, &gcm, 1, SA_ENCAP_NONE, &c), -ENOENT);
	b.buf[proposal + 5] = ISAKMP_PROTO_ESP;
	memset(b.buf + spi, 0, 4);
	b.buf[spi + 3] = 255; // reserved SPI
	assert_int_equal(proposal_choose_esp(b.body, b.len, &gcm, 1, SA_ENCAP_NONE, &c), -ENOENT);
	b.buf[spi + 2] = 1;
	assert_int_equal(proposal_choose_esp(b.body, b.len, &gcm, 1, SA_ENCAP_NONE, &c), 0);
}

// Proposal 1: ESP and IPCOMP together; proposal 2: ESP alone.
static void bundles_are_passed_over(void **state)
{
	const char *text = "0000000100000001"
			   "0200001c01030401aaaaaaaa"
			   "00000010010c0000"
			   "8004000180050005"
			   "0200001401040201bbbb"
			   "0000000a01030000"
			   "0000"
			   "0000001c02030401cccccccc"
			   "00000010010c0000"
			   "8004000180050005";
	struct esp_suite ours = {SA_CIPHER_AES_CBC, SA_AUTH_HMAC_SHA256_128, SA_MODE_TUNNEL, 128};
	uint8_t body[128];
	size_t len = unhex(text, body, sizeof(body));
	struct esp_choice c;

	(void)state;
	// The IPCOMP transform has two bytes of nothing; give it an attribute that is whole.
	assert_int_equal(proposal_choose_esp(body, len, &ours, 1, SA_ENCAP_NONE, &c), -EBADMSG);
	len = unhex("0000000100000001"
	            "0200001c01030401aaaaaaaa"
	            "00000010010c0000"
	            "8004000180050005"
	            "0200001601040201bbbb"
	            "0000000c01030000"
	            "80040001"
	            "0000001c02030401cccccccc"
	            "00000010010c0000"
	            "8004000180050005",
	            body, sizeof(body));
	assert_int_equal(proposal_choose_esp(body, len, &ours, 1, SA_ENCAP_NONE, &c), 0);
	assert_int_equal(c.raw.proposal, 2);
	assert_int_equal(c.spi, 0xcccccccc);
	body[8 + 28 + 22 + 4] = 1; // now all three are one bundle
	assert_int_equal(proposal_choose_esp(body, len, &ours, 1, SA_ENCAP_NONE, &c), -ENOENT);
}

// All ESP suites that may be configured survive the wire.
static void esp_suites_round_trip(void **state)
{
	static const uint16_t bits[] = {0, 128, 192, 256};
	unsigned valid = 0;

	(void)state;
	for (int cipher = SA_CIPHER_NULL; cipher <= SA_CIPHER_CHACHA_POLY; cipher++) {
		for (int auth = SA_AUTH_NONE; auth <= SA_AUTH_HMAC_SHA512_256; auth++) {
			for (unsigned k = 0; k < 4; k++) {
				struct esp_suite s = {(enum sa_cipher)cipher, (enum sa_auth)auth,
				                      SA_MODE_TUNNEL, bits[k]};
				struct esp_choice c;
				struct sa_body b;
				bool aes = cipher == SA_CIPHER_AES_CBC ||
				           cipher == SA_CIPHER_AES_GCM_16;

				if (!proposal_esp_valid(&s) || aes != (bits[k] != 0))
					continue;
				offer_esp(&b, &s, 1, SA_ENCAP_NONE);
				assert_int_equal(proposal_choose_esp(b.body, b.len, &s, 1,
				                                     SA_ENCAP_NONE, &c),
				                 0);
				assert_int_equal(c.suite.cipher, cipher);
				assert_int_equal(c.suite.auth, auth);
				assert_int_equal(c.suite.key_bits, bits[k]);
				valid++;
			}
		}
	}
	assert_int_equal(valid, 3 * 5 + 3 * 5 + 3); // NULL, DES, 3DES; AES-CBC; GCM
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase1_by_our_order),
		cmocka_unit_test(shorter_lifetime_wins),
		cmocka_unit_test(cisco_client),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(shape_is_checked),
		cmocka_unit_test(attributes_are_judged),
		cmocka_unit_test(long_lifetime_is_cut),
		cmocka_unit_test(esp_round_trip),
		cmocka_unit_test(extended_sequence_numbers),
		cmocka_unit_test(lifetime_0_says_nothing),
		cmocka_unit_test(hostile_sequence_attributes),
		cmocka_unit_test(encapsulation_must_fit),
		cmocka_unit_test(esp_refuses),
		cmocka_unit_test(bundles_are_passed_over),
		cmocka_unit_test(esp_suites_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
