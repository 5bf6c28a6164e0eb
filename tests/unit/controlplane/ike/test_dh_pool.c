// The pool of helpers: jobs come back with their owner, a full pool says so, nothing waits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "dh_pool.h"

// Waits for one result, at most 10 s.
static struct dh_result take(struct dh_pool *pool)
{
	struct pollfd p = {.fd = dh_pool_fd(pool), .events = POLLIN};
	struct dh_result r;
	uint64_t count;

	for (;;) {
		if (dh_pool_poll(pool, &r, 1) == 1)
			return r;
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(read(p.fd, &count, sizeof(count)), sizeof(count));
	}
}

static void exchange(void **state)
{
	struct dh_pool *pool = dh_pool_create(1, 4);
	struct dh_job job = {.kind = DH_GENERATE, .owner = {7, 3}, .cookie = 42, .key.group = 19};
	struct dh_result ours, theirs;

	(void)state;
	assert_non_null(pool);
	assert_int_equal(dh_pool_submit(pool, &job), 0);
	assert_int_equal(dh_pool_pending(pool), 1);
	ours = take(pool);
	assert_int_equal(dh_pool_pending(pool), 0);
	assert_int_equal(ours.error, 0);
	assert_int_equal(ours.owner.index, 7);
	assert_int_equal(ours.owner.generation, 3);
	assert_int_equal(ours.cookie, 42);

	// The responder does both at once with what the initiator sent.
	job.kind = DH_BOTH;
	job.peer_len = ours.key.public_len;
	memcpy(job.peer, ours.key.public_value, job.peer_len);
	assert_int_equal(dh_pool_submit(pool, &job), 0);
	theirs = take(pool);
	assert_int_equal(theirs.error, 0);

	job.kind = DH_SHARED;
	job.key = ours.key;
	job.peer_len = theirs.key.public_len;
	memcpy(job.peer, theirs.key.public_value, job.peer_len);
	assert_int_equal(dh_pool_submit(pool, &job), 0);
	ours = take(pool);
	assert_int_equal(ours.error, 0);
	assert_int_equal(ours.secret_len, 32);
	assert_memory_equal(ours.secret, theirs.secret, 32);
	dh_pool_destroy(pool);
}

static void errors_come_back(void **state)
{
	struct dh_pool *pool = dh_pool_create(1, 2);
	struct dh_job job = {.kind = DH_BOTH, .key.group = 14, .peer_len = 256}; // g^x = 0
	struct dh_result r;

	(void)state;
	assert_int_equal(dh_pool_submit(pool, &job), 0);
	r = take(pool);
	assert_int_equal(r.error, -EINVAL);
	assert_int_equal(r.secret_len, 0);
	job.key.group = 24;
	assert_int_equal(dh_pool_submit(pool, &job), 0);
	assert_int_equal(take(pool).error, -ENOTSUP);
	dh_pool_destroy(pool);
}

static void full_and_drained(void **state)
{
	struct dh_pool *pool = dh_pool_create(2, 8);
	struct dh_job job = {.kind = DH_GENERATE, .key.group = 19};
	bool seen[16 * 4] = {false};
	unsigned sent = 0, got = 0;

	(void)state;
	while (dh_pool_submit(pool, &job) == 0)
		job.cookie = ++sent;
	// Results that nobody takes keep their place: no more than 2 x 8 ever fit.
	assert_int_equal(sent, 16);
	while (got < 64) {
		struct dh_result r = take(pool);

		assert_int_equal(r.error, 0);
		assert_true(r.cookie < 64);
		assert_false(seen[r.cookie]);
		seen[r.cookie] = true;
		got++;
		if (sent < 64) {
			job.cookie = sent++;
			assert_int_equal(dh_pool_submit(pool, &job), 0);
		}
	}
	assert_int_equal(dh_pool_pending(pool), 0);
	dh_pool_destroy(pool);
}

static void destroyed_while_busy(void **state)
{
	struct dh_pool *pool = dh_pool_create(2, 16);
	struct dh_job job = {.kind = DH_GENERATE, .key.group = 16};

	(void)state;
	while (dh_pool_submit(pool, &job) == 0)
		;
	dh_pool_destroy(pool); // does not work off all of them first
	dh_pool_destroy(NULL);
	assert_null(dh_pool_create(0, 8));
	assert_null(dh_pool_create(1, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchange),
		cmocka_unit_test(errors_come_back),
		cmocka_unit_test(full_and_drained),
		cmocka_unit_test(destroyed_while_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
