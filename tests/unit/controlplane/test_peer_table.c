// The table of peers: who is found by which port, and that no chain holds all peers of an address.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addr.h"
#include "control.h"
#include "fake_dp.h"
#include "peer.h"

#define PEERS 120u

static struct control c;
static struct ip_addr local, remote;

static void start(void)
{
	c = (struct control){.dp = fake_dp_create()};
	assert_int_equal(peer_tables_init(&c, FAKE_PEERS), 0);
	assert_int_equal(slab_init(&c.peers, sizeof(struct peer), FAKE_PEERS), 0);
	local = addr_v4(0xc0000201);
	remote = addr_v4(0xc6336401);
}

static void stop(void)
{
	slab_fini(&c.peers);
	peer_tables_fini(&c);
	fake_dp_destroy(c.dp);
}

static struct peer *find(uint16_t port)
{
	return peer_find(&c, &local, &remote, port);
}

static unsigned longest(const uint32_t *table, size_t link)
{
	unsigned max = 0, n;

	for (uint32_t i = 0; i <= c.peer_bucket_mask; i++) {
		n = 0;
		for (uint32_t at = table[i]; at; n++)
			at = ((struct peer_link *)((char *)slab_at(&c.peers, at - 1) + link))->next;
		max = n > max ? n : max;
	}
	return max;
}

// As many as there are buckets, all at one address.
static void one_address_many_ports(void **state)
{
	struct peer *peers[PEERS];

	(void)state;
	start();
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = peer_get(&c, &local, &remote, (uint16_t)(1024 + i));
	assert_int_equal(c.peers.used, PEERS);
	assert_in_range(longest(c.peers_by_port, offsetof(struct peer, by_port)), 1, 16);
	assert_in_range(longest(c.peers_by_key, offsetof(struct peer, by_key)), 1, 16);
	for (unsigned i = 0; i < PEERS; i++)
		assert_ptr_equal(find((uint16_t)(1024 + i)), peers[i]);
	assert_null(find(500));
	// IKE goes on from other ports: they are found by both.
	for (unsigned i = 0; i < PEERS; i++)
		peer_set_port(&c, peers[i], (uint16_t)(5024 + i));
	assert_in_range(longest(c.peers_by_port, offsetof(struct peer, by_port)), 1, 16);
	for (unsigned i = 0; i < PEERS; i++) {
		assert_ptr_equal(find((uint16_t)(1024 + i)), peers[i]);
		assert_ptr_equal(find((uint16_t)(5024 + i)), peers[i]);
	}
	for (unsigned i = 0; i < PEERS; i += 2)
		peer_release(&c, peers[i]);
	for (unsigned i = 0; i < PEERS; i++)
		assert_ptr_equal(find((uint16_t)(5024 + i)), i % 2 ? peers[i] : NULL);
	for (unsigned i = 1; i < PEERS; i += 2)
		peer_release(&c, peers[i]);
	assert_int_equal(longest(c.peers_by_port, offsetof(struct peer, by_port)), 0);
	assert_int_equal(longest(c.peers_by_key, offsetof(struct peer, by_key)), 0);
	stop();
}

// The port of now comes before the one at the beginning, and of those that began alike the last one
// is found.
static void whose_port(void **state)
{
	struct peer *first, *second, *third, *other;
	struct ip_addr elsewhere = addr_v4(0xc6336402);

	(void)state;
	start();
	first = peer_get(&c, &local, &remote, 500);
	other = peer_get(&c, &local, &elsewhere, 500);
	assert_ptr_equal(find(4500), first);
	peer_set_port(&c, first, 4500);
	second = peer_create(&c, &local, &remote, 500);
	assert_ptr_equal(find(500), second);
	assert_ptr_equal(find(4500), first);
	peer_set_port(&c, second, 14500);
	assert_ptr_equal(find(500), second);
	assert_ptr_equal(peer_next_at(&c, &local, &remote, 4500, NULL), first);
	assert_null(peer_next_at(&c, &local, &remote, 4500, first));
	third = peer_get(&c, &local, &remote, 1024);
	peer_set_port(&c, third, 4500);
	peer_release(&c, first);
	assert_ptr_equal(find(4500), third);
	peer_release(&c, third);
	assert_ptr_equal(find(4500), second);
	assert_null(find(1024));
	peer_release(&c, second);
	assert_null(find(500));
	assert_ptr_equal(peer_find(&c, &local, &elsewhere, 500), other);
	peer_release(&c, other);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_many_ports),
		cmocka_unit_test(whose_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
