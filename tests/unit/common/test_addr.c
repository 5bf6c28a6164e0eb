// Addresses, prefixes and selectors: text round trips, containment, masks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "addr.h"
#include "salt.h"

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct ip_prefix prefix(const char *text, uint8_t len)
{
	struct ip_addr a = addr(text);

	return prefix_make(&a, len);
}

static void text_round_trip(void **state)
{
	static const char *const texts[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255",
	                                    "2001:db8::1"};
	char out[ADDR_TEXT];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct ip_addr a = addr(texts[i]);

		assert_string_equal(addr_format(&a, out), texts[i]);
	}
	assert_int_equal(addr_parse("10.1.2", &(struct ip_addr){0}), -EINVAL);
	assert_int_equal(addr_parse("10.1.2.256", &(struct ip_addr){0}), -EINVAL);
}

static void prefix_cuts_host_bits(void **state)
{
	struct ip_prefix p = prefix("10.2.80.209", 20);
	char out[PREFIX_TEXT];

	(void)state;
	assert_string_equal(prefix_format(&p, out), "10.2.80.0/20");
	p = prefix("2001:db8:ffff::1", 33);
	assert_string_equal(prefix_format(&p, out), "2001:db8:8000::/33");
	p = prefix("10.2.80.209", 0);
	assert_string_equal(prefix_format(&p, out), "0.0.0.0/0");
}

static void containment(void **state)
{
	struct ip_prefix net = prefix("10.2.0.0", 16), sub = prefix("10.2.3.0", 24);
	struct ip_prefix any = prefix("0.0.0.0", 0), six = prefix("::", 0);
	struct ip_addr in = addr("10.2.3.4"), out = addr("10.3.0.1");

	(void)state;
	assert_true(prefix_contains(&net, &in));
	assert_false(prefix_contains(&net, &out));
	assert_true(prefix_covers(&net, &sub));
	assert_false(prefix_covers(&sub, &net));
	assert_true(prefix_covers(&any, &net));
	assert_false(prefix_covers(&six, &net));
}

static void masks(void **state)
{
	struct ip_addr mask = addr("255.255.255.128"), holes = addr("255.0.255.0");

	(void)state;
	assert_int_equal(prefix_len_from_mask(&mask), 25);
	assert_int_equal(prefix_len_from_mask(&holes), -EINVAL);
	for (uint8_t len = 0; len <= 32; len++) {
		mask = prefix_mask(len);
		assert_int_equal(prefix_len_from_mask(&mask), len);
	}
}

static void selectors(void **state)
{
	struct selector any_tcp = {prefix("10.1.0.0", 16), prefix("10.2.0.0", 16), 6, 0, 0};
	struct selector http = {prefix("10.1.1.0", 24), prefix("10.2.2.2", 32), 6, 0, 80};
	struct selector mirror = selector_mirror(&http);

	(void)state;
	assert_true(selector_covers(&any_tcp, &http));
	assert_false(selector_covers(&http, &any_tcp));
	assert_int_equal(mirror.local_port, 80);
	mirror = selector_mirror(&mirror);
	assert_true(selector_equal(&mirror, &http));
	http.proto = 17;
	assert_false(selector_covers(&any_tcp, &http));
}

static void ticks_wrap(void **state)
{
	(void)state;
	assert_int_equal(tick_diff(5, 0xfffffffbu), 10);
	assert_true(tick_before(0xfffffffbu, 5));
	assert_int_equal(tick_max(0xfffffffbu, 5), 5);
	assert_int_equal(ticks_from_ms(11), 2);
}

#define BUCKETS 4096u

static struct salt salt;
static uint16_t chains[BUCKETS];

static unsigned longest_chain(void)
{
	unsigned max = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		max = chains[i] > max ? chains[i] : max;
		chains[i] = 0;
	}
	return max;
}

// Whoever chooses what is hashed cannot choose where it lands: keys that differ in what is easily
// forgotten or cancelled out.
static void hashes_cannot_be_aimed(void **state)
{
	struct selector s = {.local = prefix("10.0.0.0", 8), .remote = prefix("10.9.0.0", 16)};
	struct ip_addr local = addr("192.0.2.1"), remote = addr("198.51.100.1"),
		       six = addr("2001::");

	(void)state;
	salt_init(&salt);
	for (uint8_t len = 8; len < 24; len++)
		for (unsigned proto = 0; proto < 256; proto++) {
			s.local.len = len;
			s.proto = (uint8_t)proto;
			s.local_port = 80;
			s.remote_port = (uint16_t)(12345 ^ proto);
			chains[selector_hash(&salt, &s, 7) % BUCKETS]++;
		}
	assert_in_range(longest_chain(), 1, 16);
	for (unsigned i = 0; i < BUCKETS; i++)
		chains[selector_hash(&salt, &s, i) % BUCKETS]++;
	assert_in_range(longest_chain(), 1, 16);
	for (unsigned i = 0; i < BUCKETS; i++)
		chains[addr_pair_hash(&salt, &local, &remote, (uint16_t)i) % BUCKETS]++;
	assert_in_range(longest_chain(), 1, 16);
	for (unsigned i = 0; i < BUCKETS; i++) {
		six.bytes[6] = six.bytes[14] = (uint8_t)(i >> 8);
		six.bytes[7] = six.bytes[15] = (uint8_t)i;
		chains[addr_hash(&salt, &six) % BUCKETS]++;
	}
	assert_in_range(longest_chain(), 1, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_round_trip),
		cmocka_unit_test(prefix_cuts_host_bits),
		cmocka_unit_test(containment),
		cmocka_unit_test(masks),
		cmocka_unit_test(selectors),
		cmocka_unit_test(ticks_wrap),
		cmocka_unit_test(hashes_cannot_be_aimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
