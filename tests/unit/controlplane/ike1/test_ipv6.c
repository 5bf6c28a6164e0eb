// IKE over IPv6 and for IPv6: gateways and networks of either family in all four combinations, the
// identities of quick mode, dead peers, peers of both families in one list.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "load.h"

static const char *const keepalive = "crypto isakmp keepalive 10 2 periodic";

static void all_four_combinations(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pair_config config = {.outer6 = i & 1,
		                             .inner6 = i & 2,
		                             .entry = " set pfs group19",
		                             .rest = keepalive};
		uint8_t outer = i & 1 ? 6 : 4, inner = i & 2 ? 6 : 4;
		struct pair *p = pair_create(&config, &config);
		struct fake_sa *sa = NULL;
		char id[ADDR_TEXT];

		pair_up(p);
		assert_true(side_packet(&p->a, &sa));
		assert_int_equal(sa->spec.local.family, outer);
		assert_int_equal(sa->spec.remote.family, outer);
		assert_int_equal(sa->spec.selector.local.addr.family, inner);
		assert_int_equal(sa->spec.selector.remote.addr.family, inner);
		assert_int_equal(sa->spec.encap, SA_ENCAP_NONE); // NAT-D found no NAT
		assert_string_equal(peer_id(side_peer(&p->a), id), p->a.remote);
		pair_pass(p, 3600 * S); // renewed, asked whether it lives, never down
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_logged(&p->a, "DPD/R_U_THERE_ACK received") > 0 ||
		            p->a.c.counters.acks_received > 0);
		assert_int_equal(p->a.c.counters.deaths, 0);
		pair_destroy(p);
	}
}

static void a_dead_peer_is_found(void **state)
{
	struct pair_config config = {.outer6 = true, .inner6 = true, .rest = keepalive};
	struct pair *p = pair_create(&config, &config);

	(void)state;
	pair_up(p);
	p->network = network_is_cut;
	pair_pass(p, 25 * S);
	assert_int_equal(p->a.c.counters.deaths, 1);
	assert_true(side_logged(&p->a, ADDR6_B) > 0);
	p->network = network_good;
	pair_destroy(p);
}

static unsigned network_behind_nat(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct ip_addr inside, outside;

	(void)p;
	addr_parse(ADDR6_A, &inside);
	addr_parse("2001:db8::99", &outside);
	if (from_a)
		d->src = outside;
	else
		d->dst = inside;
	return 1;
}

// RFC 3947 speaks of IP addresses: NAT-D holds for IPv6 too (an NPTv6 translator, RFC 6296).
static void a_translator_is_found(void **state)
{
	struct pair_config a = {.outer6 = true, .inner6 = true};
	struct pair_config b = {.outer6 = true, .inner6 = true, .entry = " set peer 2001:db8::99"};
	struct pair *p = pair_create(&a, &b);
	struct fake_sa *sa = NULL;

	(void)state;
	p->network = network_behind_nat;
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_true(side_packet(&p->a, &sa));
	assert_int_equal(sa->spec.encap, SA_ENCAP_UDP);
	assert_int_equal(side_sa(&p->a)->remote_port, 4500);
	pair_destroy(p);
}

static void check_selector(const char *line_a, const char *line_b, const char *local,
                           const char *remote, uint8_t proto)
{
	struct pair_config a = {.outer6 = true, .inner6 = true, .acl = line_a};
	struct pair_config b = {.outer6 = true, .inner6 = true, .acl = line_b};
	struct pair *p = pair_create(&a, &b);
	char text[PREFIX_TEXT];

	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_true(side_packet(&p->a, NULL));
	assert_string_equal(prefix_format(&side_child(&p->b)->flow->selector.remote, text), local);
	assert_string_equal(prefix_format(&side_child(&p->b)->flow->selector.local, text), remote);
	assert_int_equal(side_child(&p->b)->flow->selector.proto, proto);
	pair_destroy(p);
}

// ID_IPV6_ADDR, ID_IPV6_ADDR_SUBNET, a protocol, and one that is narrower than the responder's.
static void identities(void **state)
{
	(void)state;
	check_selector("ipv6 access-list SIX\n permit ipv6 host 2001:db8:a::7 host 2001:db8:b::9",
	               "ipv6 access-list SIX\n permit ipv6 host 2001:db8:b::9 host 2001:db8:a::7",
	               "2001:db8:a::7/128", "2001:db8:b::9/128", 0);
	check_selector("ipv6 access-list SIX\n permit icmp any 2001:db8:b::/48",
	               "ipv6 access-list SIX\n permit icmp 2001:db8:b::/48 any", "::/0",
	               "2001:db8:b::/48", 58);
	check_selector("ipv6 access-list SIX\n permit tcp 2001:db8:a:1::/65 2001:db8:b::/48 eq 22",
	               "ipv6 access-list SIX\n permit ipv6 2001:db8:b::/48 2001:db8:a::/48",
	               "2001:db8:a:1::/65", "2001:db8:b::/48", 6);
}

static void networks_that_nobody_permits(void **state)
{
	struct pair_config a = {.outer6 = true, .inner6 = true};
	struct pair_config b = {.outer6 = true};
	struct pair *p = pair_create(&a, &b);

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_false(side_packet(&p->a, NULL));
	assert_true(side_logged(&p->b, "failed with peer at " ADDR6_A) > 0);
	pair_pass(p, 60 * S);
	pair_destroy(p);
}

static void load_into(struct control *c, const char *text)
{
	struct config *config = NULL, *old;
	struct diff_list changes;
	struct diag_list diags;

	assert_int_equal(load_text("test", text, strlen(text), &config, &diags), 0);
	diag_fini(&diags);
	assert_int_equal(diff_configs(c->config, config, &changes), 0);
	old = apply_config(c, config, &changes);
	diff_fini(&changes);
	config_free(old);
}

// An entry's peers may be of both families: each is talked to from an address of its own family,
// the one of several that is nearest to it.
static void peers_of_both_families(void **state)
{
	static const char common[] =
		"platform\n port FastEthernet0 net_null0\n"
		"crypto isakmp policy 1\n authentication pre-share\n group 14\n encryption aes\n"
		"crypto isakmp key k address ipv6 ::/0\n"
		"crypto isakmp key k address 0.0.0.0 0.0.0.0\n"
		"crypto ipsec transform-set ts esp-gcm\n"
		"crypto map ipv6 m 1 ipsec-isakmp\n set peer 2001:db8:0:7::2\n"
		" set peer 192.0.2.77\n set transform-set ts\n match address L\n"
		"crypto map n 1 ipsec-isakmp\n set peer 192.0.2.78\n set transform-set ts\n"
		" match address 101\n"
		"ipv6 access-list L\n permit ipv6 2001:db8:a::/48 any\n deny udp any any\n"
		"access-list 101 permit ip 10.0.0.0 0.0.0.255 any\n"
		"interface FastEthernet0\n crypto map n\n ipv6 crypto map m\n"
		" ip address 192.0.2.1 255.255.255.0\n";
	struct pair *p = pair_create(NULL, NULL);
	struct control *c = &p->a.c;
	struct crypto_entry *e;
	struct ip_addr local;
	char text[4096], name[ADDR_TEXT];

	(void)state;
	snprintf(text, sizeof(text),
	         "%s ipv6 address 2001:db8:0:9::1/64\n"
	         " ipv6 address 2001:db8:0:7::1/64\n",
	         common);
	load_into(c, text);
	e = c->entries;
	assert_string_equal(e->map_name, "n");
	assert_int_equal(flow_rank(e), flow_place(1, 0));
	e = e->next;
	assert_string_equal(e->map_name, "m"); // behind the IPv4 map, whatever the numbers
	assert_true(flow_rank(e) > flow_place(UINT16_MAX, UINT16_MAX));
	assert_true(flow_place(2, 0) > flow_place(1, UINT16_MAX));
	assert_null(e->next);
	assert_int_equal(e->n_peers, 2);
	assert_int_equal(e->n_denies, 1);
	local = flow_local(e, &e->peers[0]);
	assert_string_equal(addr_format(&local, name), "2001:db8:0:7::1");
	local = flow_local(e, &e->peers[1]);
	assert_string_equal(addr_format(&local, name), "192.0.2.1");
	assert_true(flow_entry_lists(e, &local, &e->peers[1]));
	load_into(c, common); // without an IPv6 address its peer cannot be reached
	e = c->entries->next;
	assert_int_equal(e->n_peers, 1);
	assert_int_equal(e->peers[0].family, 4);
	pair_destroy(p);
}

// Addresses that are gone are used no more.
static void addresses_follow_the_configuration(void **state)
{
	static const char six[] = "platform\n port FastEthernet0 net_null0\n"
				  "interface FastEthernet0\n ipv6 address 2001:db8::5/64\n";
	static const char none[] = "platform\n port FastEthernet0 net_null0\n"
				   "interface FastEthernet0\n shutdown\n"
				   " ipv6 address 2001:db8::5/64\n";
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	load_into(&p->a.c, six);
	assert_int_equal(p->a.c.dp->ifaces[0].n_addresses6, 0);
	pair_pass(p, 2 * S);
	assert_int_equal(p->a.c.dp->ifaces[0].n_addresses6, 2);
	load_into(&p->a.c, none);
	assert_int_equal(p->a.c.dp->ifaces[0].n_addresses6, 0);
	load_into(&p->a.c, six);
	pair_pass(p, 2 * S);
	assert_int_equal(p->a.c.dp->ifaces[0].n_addresses6, 2);
	load_into(&p->a.c, "platform\n port FastEthernet0 net_null0\n");
	assert_null(p->a.c.own_addresses);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_four_combinations),
		cmocka_unit_test(a_dead_peer_is_found),
		cmocka_unit_test(a_translator_is_found),
		cmocka_unit_test(identities),
		cmocka_unit_test(networks_that_nobody_permits),
		cmocka_unit_test(peers_of_both_families),
		cmocka_unit_test(addresses_follow_the_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
