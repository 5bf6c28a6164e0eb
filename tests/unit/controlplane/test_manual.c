// Crypto map entries with manual keys over the fake dataplane: their SAs come and go with the
// configuration, IKE is never asked, and what clears them makes them anew.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "child.h"
#include "control.h"
#include "cursor.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "load.h"
#include "manual.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
#include "teardown.h"

#define HEX16 "00112233445566778899aabbccddeeff"
#define HEX20 HEX16 "01234567"
// Two entries with one peer; their inbound SPIs, and the rest of the second one, are the test's.
#define TEXT                                                                                       \
	"hostname gw\n"                                                                            \
	"platform\n"                                                                               \
	" port FastEthernet0 net_null0\n"                                                          \
	"crypto ipsec transform-set gcm esp-gcm\n"                                                 \
	"crypto ipsec transform-set cbc esp-aes esp-sha-hmac\n"                                    \
	"crypto map m 1 ipsec-manual\n"                                                            \
	" set peer 192.0.2.11\n"                                                                   \
	" set session-key inbound esp %u cipher " HEX20 "\n"                                       \
	" set session-key outbound esp 1001 cipher " HEX20 "\n"                                    \
	" set transform-set gcm\n"                                                                 \
	" match address 101\n"                                                                     \
	"crypto map m 2 ipsec-%s\n"                                                                \
	" set peer 192.0.2.11\n"                                                                   \
	"%s"                                                                                       \
	" set transform-set cbc\n"                                                                 \
	" match address 102\n"                                                                     \
	"interface FastEthernet0\n"                                                                \
	" ip address 192.0.2.1 255.255.255.0\n"                                                    \
	" crypto map m\n"                                                                          \
	"access-list 101 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n"                    \
	"access-list 102 permit ip 10.1.0.0 0.0.255.255 10.3.0.0 0.0.255.255\n"
#define KEYS(in)                                                                                   \
	" set session-key inbound esp " in " cipher " HEX16 " authenticator " HEX20 "\n"           \
	" set session-key outbound esp 1002 cipher " HEX16 " authenticator " HEX20 "\n"

static struct control control;
static unsigned logged_errors;

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)line;
	logged_errors += level <= LOG_ERROR;
}

static struct config *load(unsigned spi, const char *kind, const char *keys)
{
	struct config *config = NULL;
	struct diag_list diags;
	char text[4096];

	snprintf(text, sizeof(text), TEXT, spi, kind, keys);
	load_text("test", text, strlen(text), &config, &diags);
	diag_fini(&diags);
	assert_non_null(config);
	return config;
}

static int start(void **state)
{
	struct control *c = &control;

	(void)state;
	memset(c, 0, sizeof(*c));
	fake_ike_reset();
	logged_errors = 0;
	fake_now = 1000;
	c->log = (struct log){.sink = sink};
	c->config = load(301, "manual", KEYS("302"));
	c->dp = fake_dp_create();
	c->now = c->heard_until = fake_now;
	wheel_init(&c->wheel, fake_now);
	fake_control_tables(c);
	return apply_start(c);
}

static void turn(void)
{
	struct control *c = &control;
	struct dp_event events[64];
	unsigned n;

	fake_now++;
	c->now = c->heard_until = fake_now;
	n = dp_events(c->dp, events, 64);
	for (unsigned i = 0; i < n; i++)
		if (events[i].kind == DP_EVENT_SA_GONE)
			child_sa_gone(c, events[i].sa);
		else if (events[i].kind == DP_EVENT_ACQUIRE && flow_of(c, events[i].tunnel))
			flow_acquire(c, flow_of(c, events[i].tunnel));
	fake_ike_run(c);
	wheel_run(&c->wheel, c->now, 1000, c);
	teardown_step(c);
	if (!c->stopping)
		manual_install(c);
}

static int stop(void **state)
{
	struct control *c = &control;
	bool empty;

	(void)state;
	c->stopping = true;
	apply_stop(c);
	for (unsigned i = 0; i < 3000; i++)
		turn();
	empty = fake_dp_is_empty(c->dp) && !c->peers.used && !c->children.used && !c->wheel.armed;
	fake_control_free(c);
	config_free(c->config);
	fake_dp_destroy(c->dp);
	return empty ? 0 : -1;
}

static void change(struct config *next)
{
	struct diff_list changes;

	assert_int_equal(diff_configs(control.config, next, &changes), 0);
	config_free(apply_config(&control, next, &changes));
	diff_fini(&changes);
	turn();
}

// The SA with which a packet of the entry leaves; NULL: it does not.
static struct fake_sa *out_of(uint32_t sequence)
{
	struct crypto_entry *e = control.entries;
	struct fake_sa *sa = NULL;

	while (e && e->sequence != sequence)
		e = e->next;
	assert_non_null(e);
	assert_non_null(e->flows);
	return fake_dp_packet(control.dp, e->flows->tunnel, &sa) ? sa : NULL;
}

static struct fake_sa *inbound(uint32_t spi)
{
	for (unsigned i = 0; i < FAKE_SAS; i++)
		if (control.dp->sas[i].live && control.dp->sas[i].inbound &&
		    control.dp->sas[i].spi == spi)
			return &control.dp->sas[i];
	return NULL;
}

static void there_from_the_start(void **state)
{
	const struct fake_sa *out, *in;

	(void)state;
	assert_int_equal(fake_dp_live_sas(control.dp), 4);
	out = out_of(1);
	assert_non_null(out);
	assert_int_equal(out->spi, 1001);
	assert_int_equal(out->spec.key_len, 16);
	assert_memory_equal(out->spec.salt, "\x01\x23\x45\x67", 4);
	assert_int_equal(out->spec.replay_window, 0);
	in = inbound(302);
	assert_non_null(in);
	assert_int_equal(in->spec.auth_key[19], 0x67);
	assert_int_equal(in->spec.selector.remote.addr.bytes[1], 3);
	assert_int_equal(out_of(2)->spi, 1002);
	for (unsigned i = 0; i < 100; i++)
		turn();
	assert_int_equal(fake_ike.initiated, 0);
	assert_int_equal(control.wheel.armed, 0);
	assert_int_equal(logged_errors, 0);
}

// A report about the path names an outbound SA and its ends.
static void found_by_its_spi(void **state)
{
	const struct control *c = &control;
	struct crypto_entry *e = c->entries;
	struct ip_addr local = e->keys->out.local, remote = e->keys->out.remote;

	(void)state;
	assert_non_null(manual_find_out(c, &local, &remote, 1001));
	assert_ptr_equal(manual_find_out(c, &local, &remote, 1001), e->flows->child);
	assert_null(manual_find_out(c, &local, &remote, 1003));
	assert_null(manual_find_out(c, &remote, &local, 1001));
}

static void changed_keys_change_that_entry_alone(void **state)
{
	const struct fake_sa *other = inbound(301);
	uint32_t generation = other->generation;

	(void)state;
	change(load(301, "manual", KEYS("400")));
	assert_null(inbound(302));
	assert_non_null(inbound(400));
	assert_int_equal(inbound(301)->generation, generation);
	assert_int_equal(fake_dp_live_sas(control.dp), 4);
	assert_int_equal(out_of(2)->spi, 1002);
}

// A line that comes to stand before the one with the SAs is the first one now.
static void another_first_line(void **state)
{
	static const char *const lines[] = {"ip access-list extended 101",
	                                    "5 permit ip 10.7.0.0 0.0.255.255 10.8.0.0 0.0.255.255",
	                                    NULL};
	struct config *next = config_clone(control.config);
	struct config_cursor cur;
	struct diag_list diags;

	(void)state;
	cursor_init(&cur);
	diag_init(&diags, NULL);
	for (unsigned i = 0; lines[i]; i++)
		assert_int_equal(cursor_enter(next, &cur, lines[i], 0, &diags), 0);
	diag_fini(&diags);
	change(next);
	turn();
	assert_int_equal(logged_errors, 0);
	assert_int_equal(fake_dp_live_sas(control.dp), 4);
	assert_non_null(inbound(301));
	assert_int_equal(inbound(301)->spec.selector.remote.addr.bytes[1], 8);
}

static void two_entries_may_swap_their_spis(void **state)
{
	(void)state;
	change(load(302, "manual", KEYS("301")));
	assert_int_equal(inbound(302)->spec.cipher, SA_CIPHER_AES_GCM_16);
	assert_int_equal(inbound(301)->spec.cipher, SA_CIPHER_AES_CBC);
	assert_int_equal(logged_errors, 0);
}

static void incomplete_means_gone(void **state)
{
	(void)state;
	change(load(301, "manual",
	            " set session-key outbound esp 1002 cipher " HEX16 " authenticator " HEX20
	            "\n"));
	assert_null(inbound(302));
	assert_int_equal(fake_dp_live_sas(control.dp), 2);
	change(load(301, "manual", KEYS("302")));
	assert_int_equal(fake_dp_live_sas(control.dp), 4);
}

static void an_entry_becomes_one_with_ike(void **state)
{
	(void)state;
	change(load(301, "isakmp", ""));
	assert_int_equal(fake_dp_live_sas(control.dp), 2);
	out_of(2);
	turn();
	assert_int_equal(fake_ike.initiated, 1);
	change(load(301, "manual", KEYS("302")));
	for (unsigned i = 0; i < 10000; i++)
		turn();
	assert_int_equal(out_of(2)->spi, 1002);
}

// `clear crypto sa`, and `clear crypto session` with a peer that is gone for good.
static void cleared_means_made_anew(void **state)
{
	uint32_t generation = inbound(301)->generation, index = 0;
	struct fake_sa *in = inbound(301);

	(void)state;
	child_delete(&control, control.entries->flows->children, true, "cleared");
	turn();
	turn();
	assert_non_null(inbound(301));
	assert_true(inbound(301) != in || in->generation != generation);
	assert_int_equal(out_of(1)->spi, 1001);
	while (index < control.peers.made) {
		struct peer *p = slab_at(&control.peers, index++);

		if (p && p->slab.generation < 4)
			teardown_peer(&control, p);
	}
	turn();
	turn();
	assert_int_equal(fake_dp_live_sas(control.dp), 4);
	assert_int_equal(out_of(1)->spi, 1001);
	assert_int_equal(out_of(2)->spi, 1002);
}

// No renewal, and the SA that has stopped is still there to be seen.
static void used_up_means_stopped(void **state)
{
	struct child *ch = control.entries->flows->child;

	(void)state;
	on_child_volume(&control, ch, false);
	assert_int_equal(logged_errors, 0);
	on_child_volume(&control, ch, true);
	assert_int_equal(logged_errors, 1);
	for (unsigned i = 0; i < 100; i++)
		turn();
	assert_int_equal(fake_ike.initiated, 0);
	assert_int_equal(fake_dp_live_sas(control.dp), 4);
}

// IKE of the same address finds neither the peer nor a flow here.
static void ike_has_no_part_in_it(void **state)
{
	struct ip_addr local = {.family = 4, .bytes = {192, 0, 2, 1}};
	struct ip_addr remote = {.family = 4, .bytes = {192, 0, 2, 11}};
	struct peer *p;

	(void)state;
	assert_null(peer_find(&control, &local, &remote, 500));
	assert_false(flow_peer_is_listed(&control, &local, &remote));
	p = peer_get(&control, &local, &remote, 500);
	assert_non_null(p);
	assert_null(flow_for_proposal(&control, p, &control.entries->flows->selector));
	peer_release(&control, p);
}

// Of its traffic only that between the two gateways is for transport mode.
static void transport_mode(void **state)
{
	static const char *const networks[] = {"10.1.0.0 0.0.255.255 10.3.0.0 0.0.255.255",
	                                       "host 192.0.2.1 host 192.0.2.11"};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool hosts = i & 1, require = i & 2;
		struct config *next = load(301, "manual", KEYS("302"));
		struct config_cursor cur;
		struct diag_list diags;
		char line[128];

		cursor_init(&cur);
		snprintf(line, sizeof(line), "access-list 102 permit ip %s", networks[hosts]);
		diag_init(&diags, NULL);
		cursor_enter(next, &cur, "no access-list 102", 0, &diags);
		cursor_enter(next, &cur, line, 0, &diags);
		cursor_enter(next, &cur, "crypto ipsec transform-set cbc esp-aes esp-sha-hmac", 0,
		             &diags);
		cursor_enter(next, &cur, require ? "mode transport require" : "mode transport", 0,
		             &diags);
		assert_int_equal(diags.errors, 0);
		diag_fini(&diags);
		change(next);
		assert_int_equal(logged_errors, require && !hosts);
		logged_errors = 0;
		if (require && !hosts) {
			assert_null(out_of(2));
			continue;
		}
		assert_int_equal(out_of(2)->spec.mode, hosts ? SA_MODE_TRANSPORT : SA_MODE_TUNNEL);
		assert_int_equal(inbound(302)->spec.mode,
		                 hosts ? SA_MODE_TRANSPORT : SA_MODE_TUNNEL);
	}
}

static void dummy_packets(void **state)
{
	struct config *next =
		load(301, "manual", " set security-association dummy pps 25\n" KEYS("302"));

	(void)state;
	assert_int_equal(out_of(1)->spec.dummy_interval, 0);
	change(next);
	assert_int_equal(out_of(2)->spec.dummy_interval, 4);
	assert_int_equal(out_of(1)->spec.dummy_interval, 0);
	assert_int_equal(inbound(302)->spec.dummy_interval, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_from_the_start, start, stop),
		cmocka_unit_test_setup_teardown(found_by_its_spi, start, stop),
		cmocka_unit_test_setup_teardown(changed_keys_change_that_entry_alone, start, stop),
		cmocka_unit_test_setup_teardown(another_first_line, start, stop),
		cmocka_unit_test_setup_teardown(two_entries_may_swap_their_spis, start, stop),
		cmocka_unit_test_setup_teardown(incomplete_means_gone, start, stop),
		cmocka_unit_test_setup_teardown(an_entry_becomes_one_with_ike, start, stop),
		cmocka_unit_test_setup_teardown(cleared_means_made_anew, start, stop),
		cmocka_unit_test_setup_teardown(used_up_means_stopped, start, stop),
		cmocka_unit_test_setup_teardown(ike_has_no_part_in_it, start, stop),
		cmocka_unit_test_setup_teardown(transport_mode, start, stop),
		cmocka_unit_test_setup_teardown(dummy_packets, start, stop),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
