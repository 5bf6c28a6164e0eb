// Helper threads for Diffie-Hellman. Each has one ring of slots: a job is put in by the control
// core, turned into its result in place by the helper, and taken out by the control core again. So
// a ring can never run over, nobody waits for anybody, and every byte has one owner at a time.
#include "dh_pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "secret.h"

#define DEPTH_MAX   4096
#define THREADS_MAX 64

struct slot {
	struct dh_job job;
	struct dh_result result;
};

struct helper {
	struct dh_pool *pool;
	struct slot *slots;
	pthread_t thread;
	sem_t wake; // counts jobs that were put in, and the wish to stop
	// Writer: control. Release: the helper that reads it sees the job in the slot.
	_Atomic uint32_t submitted;
	// Writer: helper. Release: the control core that reads it sees the result in the slot.
	_Atomic uint32_t done;
	uint32_t polled; // control only
	bool running;
};

struct dh_pool {
	unsigned threads, depth;
	int fd;
	_Atomic bool stop; // writer: control, in destroy; read after the semaphore, which orders it
	struct helper helpers[];
};

static void work(struct slot *s)
{
	const struct dh_job *job = &s->job;
	struct dh_result *r = &s->result;
	const struct dh_key *key = &job->key;
	size_t len = 0;

	*r = (struct dh_result){.kind = job->kind, .owner = job->owner, .cookie = job->cookie};
	if (job->kind != DH_SHARED) {
		r->error = dh_generate(job->key.group, &r->key);
		key = &r->key;
	}
	if (job->kind != DH_GENERATE && !r->error)
		r->error = dh_shared(key, job->peer, job->peer_len, r->secret, &len);
	r->secret_len = (uint16_t)len;
	secret_wipe(&s->job, sizeof(s->job));
}

static void *helper_main(void *arg)
{
	struct helper *h = arg;
	struct dh_pool *pool = h->pool;
	uint32_t next = 0;

	for (;;) {
		const uint64_t one = 1;

		while (sem_wait(&h->wake) != 0) // EINTR
			;
		// Relaxed: the semaphore has ordered it.
		if (atomic_load_explicit(&pool->stop, memory_order_relaxed))
			return NULL;
		// Acquire: pairs with the release in dh_pool_submit().
		if (next == atomic_load_explicit(&h->submitted, memory_order_acquire))
			continue;
		work(&h->slots[next & (pool->depth - 1)]);
		next++;
		atomic_store_explicit(&h->done, next, memory_order_release);
		// Non-blocking: a full counter means that the reader is being told already.
		if (write(pool->fd, &one, sizeof(one)) < 0)
			continue;
	}
}

static int start_helper(struct dh_pool *pool, struct helper *h)
{
	int err;

	h->pool = pool;
	h->slots = calloc(pool->depth, sizeof(*h->slots));
	if (!h->slots)
		return -ENOMEM;
	if (sem_init(&h->wake, 0, 0) != 0)
		return -errno;
	err = pthread_create(&h->thread, NULL, helper_main, h);
	if (err) {
		sem_destroy(&h->wake);
		return -err;
	}
	pthread_setname_np(h->thread, "vigil-dh");
	h->running = true;
	return 0;
}

struct dh_pool *dh_pool_create(unsigned threads, unsigned depth)
{
	struct dh_pool *pool;
	int err = 0;

	if (threads == 0 || threads > THREADS_MAX || depth == 0 || depth > DEPTH_MAX ||
	    (depth & (depth - 1))) {
		errno = EINVAL;
		return NULL;
	}
	pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->helpers[0]));
	if (!pool)
		return NULL;
	pool->threads = threads;
	pool->depth = depth;
	pool->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (pool->fd < 0)
		err = -errno;
	for (unsigned i = 0; i < threads && !err; i++)
		err = start_helper(pool, &pool->helpers[i]);
	if (!err)
		return pool;
	dh_pool_destroy(pool);
	errno = -err;
	return NULL;
}

void dh_pool_destroy(struct dh_pool *pool)
{
	if (!pool)
		return;
	// Relaxed: sem_post() orders it before the helper's look.
	atomic_store_explicit(&pool->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < pool->threads; i++) {
		if (pool->helpers[i].running)
			sem_post(&pool->helpers[i].wake);
	}
	for (unsigned i = 0; i < pool->threads; i++) {
		struct helper *h = &pool->helpers[i];

		if (h->running) {
			pthread_join(h->thread, NULL);
			sem_destroy(&h->wake);
		}
		if (h->slots)
			secret_wipe(h->slots, pool->depth * sizeof(*h->slots));
		free(h->slots);
	}
	if (pool->fd >= 0)
		close(pool->fd);
	free(pool);
}

static uint32_t load(const struct helper *h)
{
	// Relaxed: only the control core, which is this thread, writes it.
	return atomic_load_explicit(&h->submitted, memory_order_relaxed) - h->polled;
}

int dh_pool_submit(struct dh_pool *pool, const struct dh_job *job)
{
	struct helper *best = &pool->helpers[0];
	uint32_t at;

	for (unsigned i = 1; i < pool->threads; i++) {
		if (load(&pool->helpers[i]) < load(best))
			best = &pool->helpers[i];
	}
	if (load(best) >= pool->depth)
		return -EAGAIN;
	at = atomic_load_explicit(&best->submitted, memory_order_relaxed);
	best->slots[at & (pool->depth - 1)].job = *job;
	// Release: the slot is complete before the helper may see it.
	atomic_store_explicit(&best->submitted, at + 1, memory_order_release);
	sem_post(&best->wake);
	return 0;
}

unsigned dh_pool_poll(struct dh_pool *pool, struct dh_result *results, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->threads; i++) {
		struct helper *h = &pool->helpers[i];
		// Acquire: pairs with the helper's release; the results up to it are complete.
		uint32_t done = atomic_load_explicit(&h->done, memory_order_acquire);

		while (n < max && h->polled != done) {
			struct slot *s = &h->slots[h->polled & (pool->depth - 1)];

			results[n++] = s->result;
			secret_wipe(&s->result, sizeof(s->result));
			h->polled++;
		}
	}
	return n;
}

unsigned dh_pool_pending(const struct dh_pool *pool)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->threads; i++)
		n += load(&pool->helpers[i]);
	return n;
}

int dh_pool_fd(const struct dh_pool *pool)
{
	return pool->fd;
}
