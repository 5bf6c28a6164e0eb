// Sorted and plain growing arrays of values. Any thread. Must wipe what it gives back to the
// allocator: items hold pre-shared keys.
#include "sorted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

#define TAIL_MAX 512

void *array_get(const void *slot)
{
	void *p;

	memcpy(&p, slot, sizeof(p));
	return p;
}

static void array_set(void *slot, void *p)
{
	memcpy(slot, &p, sizeof(p));
}

// The number of items for which a block of n has room.
static size_t array_room(uint32_t n)
{
	size_t room = 1;

	while (room < n)
		room *= 2;
	return room;
}

void array_free(void *slot, uint32_t *n, size_t size)
{
	void *p = array_get(slot);

	if (p)
		secret_wipe(p, *n * size);
	free(p);
	array_set(slot, NULL);
	*n = 0;
}

// Room for one more item.
static int array_grow(void *slot, uint32_t n, size_t size)
{
	void *old = array_get(slot), *block;

	if (n && (n & (n - 1)))
		return 0;
	block = calloc(n ? 2 * (size_t)n : 1, size);
	if (!block)
		return -ENOMEM;
	if (n) {
		memcpy(block, old, n * size);
		secret_wipe(old, n * size);
	}
	free(old);
	array_set(slot, block);
	return 0;
}

void *array_push(void *slot, uint32_t *n, size_t size, const void *item)
{
	char *place;

	if (array_grow(slot, *n, size))
		return NULL;
	place = (char *)array_get(slot) + *n * size;
	memcpy(place, item, size);
	++*n;
	return place;
}

void array_remove_range(void *slot, uint32_t *n, size_t size, uint32_t index, uint32_t count)
{
	char *base = array_get(slot);

	memmove(base + index * size, base + (index + count) * size, (*n - index - count) * size);
	*n -= count;
	secret_wipe(base + *n * size, count * size);
	if (*n == 0)
		array_free(slot, n, size);
}

void array_remove(void *slot, uint32_t *n, size_t size, uint32_t index)
{
	array_remove_range(slot, n, size, index, 1);
}

void *array_copy(const void *from, uint32_t n, size_t size)
{
	void *block;

	if (n == 0)
		return NULL;
	block = calloc(array_room(n), size);
	if (block)
		memcpy(block, from, n * size);
	return block;
}

// The first index in [lo, hi) whose item is not smaller than `key`.
static uint32_t lower_bound(const struct sorted *s, uint32_t lo, uint32_t hi, const void *key)
{
	const char *base = array_get(s->items);

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->compare(base + mid * s->size, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void *find_in(const struct sorted *s, uint32_t lo, uint32_t hi, const void *key)
{
	char *item = (char *)array_get(s->items);
	uint32_t i = lower_bound(s, lo, hi, key);

	if (i == hi)
		return NULL;
	item += i * s->size;
	return s->compare(item, key) == 0 ? item : NULL;
}

void *sorted_find(const struct sorted *s, const void *key)
{
	uint32_t body = *s->n - *s->tail;
	void *item = find_in(s, 0, body, key);

	return item ? item : find_in(s, body, *s->n, key);
}

void *sorted_before(const struct sorted *s, const void *key)
{
	uint32_t body = *s->n - *s->tail;
	uint32_t i = lower_bound(s, 0, body, key), k = lower_bound(s, body, *s->n, key);
	char *base = array_get(s->items);
	char *a = i ? base + (i - 1) * s->size : NULL;
	char *b = k > body ? base + (k - 1) * s->size : NULL;

	if (!a || !b)
		return a ? a : b;
	return s->compare(a, b) > 0 ? a : b;
}

void *sorted_insert(const struct sorted *s, const void *item)
{
	uint32_t body, at;
	char *base;

	if (*s->tail >= TAIL_MAX && sorted_seal(s))
		return NULL;
	body = *s->n - *s->tail;
	if (array_grow(s->items, *s->n, s->size))
		return NULL;
	base = array_get(s->items);
	at = lower_bound(s, body, *s->n, item);
	if (*s->tail || (body && s->compare(base + (body - 1) * s->size, item) > 0))
		++*s->tail;
	memmove(base + (at + 1) * s->size, base + at * s->size, (*s->n - at) * s->size);
	memcpy(base + at * s->size, item, s->size);
	++*s->n;
	return base + at * s->size;
}

void sorted_remove(const struct sorted *s, uint32_t index, uint32_t count)
{
	if (index >= *s->n - *s->tail)
		*s->tail -= count;
	array_remove_range(s->items, s->n, s->size, index, count);
}

int sorted_seal(const struct sorted *s)
{
	uint32_t tail = *s->tail, body = *s->n - tail, out = *s->n;
	char *base = array_get(s->items), *copy;

	if (tail == 0)
		return 0;
	copy = malloc(tail * s->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, base + body * s->size, tail * s->size);
	// from the back, so that the body moves up only as far as it must
	while (tail) {
		const char *last = copy + (tail - 1) * s->size;

		if (body && s->compare(base + (body - 1) * s->size, last) > 0) {
			body--;
			memcpy(base + --out * s->size, base + body * s->size, s->size);
		} else {
			tail--;
			memcpy(base + --out * s->size, last, s->size);
		}
	}
	secret_wipe(copy, *s->tail * s->size);
	free(copy);
	*s->tail = 0;
	return 0;
}
