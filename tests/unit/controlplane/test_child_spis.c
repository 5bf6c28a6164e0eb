// Children by the SPI of their peer: found whatever else there is, and no chain that a peer can
// make long.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounds.h"
#include "child.h"
#include "child_spis.h"
#include "control.h"
#include "peer.h"

#define CHILDREN 4000u // of each of two peers

static struct control c;
static struct peer *peers[2];
static struct child *children[2][CHILDREN];

static void start(void)
{
	c = (struct control){.max_sas = 4 * CHILDREN};
	salt_init(&c.salt);
	assert_int_equal(slab_init(&c.peers, sizeof(struct peer), 2), 0);
	assert_int_equal(slab_init(&c.children, sizeof(struct child), 2 * CHILDREN), 0);
	assert_int_equal(child_spis_init(&c), 0);
	for (unsigned p = 0; p < 2; p++)
		peers[p] = slab_alloc(&c.peers);
}

static void stop(void)
{
	child_spis_fini(&c);
	slab_fini(&c.children);
	slab_fini(&c.peers);
}

static struct child *add(unsigned peer, uint32_t spi)
{
	struct child *ch = slab_alloc(&c.children);

	assert_non_null(ch);
	ch->peer = peers[peer];
	ch->spi_out = spi;
	child_spis_add(&c, ch);
	return ch;
}

static void del(struct child *ch)
{
	child_spis_del(&c, ch);
	slab_free(&c.children, ch);
}

static struct child *find(unsigned peer, uint32_t spi)
{
	return child_spis_next(&c, peers[peer], spi, NULL);
}

static unsigned longest(void)
{
	unsigned max = 0, n;

	for (uint32_t i = 0; i <= c.child_spi_mask; i++) {
		n = 0;
		for (uint32_t at = c.children_by_spi[i]; at; n++)
			at = ((struct child *)slab_at(&c.children, at - 1))->next_by_spi;
		max = n > max ? n : max;
	}
	return max;
}

// Both peers have the same SPIs, in a row.
static void each_has_its_own(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < CHILDREN; i++)
		for (unsigned p = 0; p < 2; p++)
			children[p][i] = add(p, 0x1000 + i);
	assert_in_range(longest(), 1, 16);
	for (unsigned i = 0; i < CHILDREN; i++)
		for (unsigned p = 0; p < 2; p++) {
			assert_ptr_equal(find(p, 0x1000 + i), children[p][i]);
			assert_null(child_spis_next(&c, peers[p], 0x1000 + i, children[p][i]));
		}
	assert_null(find(0, 0x1000 + CHILDREN));
	for (unsigned i = 0; i < CHILDREN; i += 2)
		del(children[0][i]);
	for (unsigned i = 0; i < CHILDREN; i++) {
		assert_ptr_equal(find(0, 0x1000 + i), i % 2 ? children[0][i] : NULL);
		assert_ptr_equal(find(1, 0x1000 + i), children[1][i]);
	}
	for (unsigned i = 0; i < CHILDREN; i++) {
		del(children[1][i]);
		if (i % 2)
			del(children[0][i]);
	}
	assert_int_equal(longest(), 0);
	stop();
}

// A peer that gives all the same SPI: some are found, and all can go, in any order.
static void all_the_same(void **state)
{
	struct child *ch = NULL;
	unsigned n = 0;

	(void)state;
	start();
	for (unsigned i = 0; i < CHILDREN; i++)
		children[0][i] = add(0, 7);
	assert_int_equal(longest(), SAME_SPI_MAX);
	while ((ch = child_spis_next(&c, peers[0], 7, ch)))
		n++;
	assert_int_equal(n, SAME_SPI_MAX);
	for (unsigned i = CHILDREN; i-- > 1;)
		del(children[0][i]);
	assert_ptr_equal(find(0, 7), children[0][0]);
	ch = add(0, 7);
	assert_ptr_equal(find(0, 7), ch);
	del(children[0][0]);
	del(ch);
	assert_int_equal(longest(), 0);
	stop();
}

// Looking ahead stays within what there is.
static void look_ahead(void **state)
{
	uint32_t spis[32];

	(void)state;
	start();
	for (unsigned i = 0; i < 32; i++)
		spis[i] = add(0, i + 1)->spi_out;
	for (unsigned i = 0; i < 32; i++)
		child_spis_peek(&c, peers[0], &spis[i], 32 - i);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_own),
		cmocka_unit_test(all_the_same),
		cmocka_unit_test(look_ahead),
	};

	return cmocka_run_group_tests_name("child_spis", tests, NULL, NULL);
}
