// Arrays that stay sorted while items come in any order. New items that are not larger than the
// last go to a short sorted tail, which is merged when it is full, so that building an array of n
// items does not cost n^2 moves. Inside config/ only.
#ifndef VIGIL_CONFIG_SORTED_H
#define VIGIL_CONFIG_SORTED_H

#include <stddef.h>
#include <stdint.h>

struct sorted {
	void *items;    // address of the pointer to the first item
	uint32_t *n;    // all items
	uint32_t *tail; // of which in the tail
	size_t size;    // bytes of an item
	int (*compare)(const void *a, const void *b);
};

// The item equal to `key`, or NULL.
void *sorted_find(const struct sorted *s, const void *key);
// The largest item that is smaller than `key`, or NULL.
void *sorted_before(const struct sorted *s, const void *key);
// Copies `item` in and returns its place, or NULL when out of memory. None may be equal to it.
void *sorted_insert(const struct sorted *s, const void *item);
// Takes `count` items out, which are all in the tail or none; what they point to is the caller's.
void sorted_remove(const struct sorted *s, uint32_t index, uint32_t count);
// Merges the tail: afterwards the array is sorted from end to end. 0 or -ENOMEM.
int sorted_seal(const struct sorted *s);

// Unsorted arrays with the same growth: the block doubles when n is a power of two.
void *array_get(const void *slot);
void *array_push(void *slot, uint32_t *n, size_t size, const void *item);
void array_remove(void *slot, uint32_t *n, size_t size, uint32_t index);
void array_remove_range(void *slot, uint32_t *n, size_t size, uint32_t index, uint32_t count);
// A block for n items that array_push() can go on with, filled from `from`; NULL for n = 0 too.
void *array_copy(const void *from, uint32_t n, size_t size);
// Wipes and frees the block.
void array_free(void *slot, uint32_t *n, size_t size);

#endif
