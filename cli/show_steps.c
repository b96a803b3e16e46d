/* Steps as lines: state, name, how long it took, and what went wrong. On a terminal what
 * does not fit behind a step stands below it. */
#include "show_steps.h"

#include "base/clock.h"
#include "fold.h"
#include "output.h"
#include "show_run.h"
#include "step_tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LABEL 34 /* columns up to the state */
#define MAY_BE_DONE "it may have taken effect"

/* The iteration "[3]" of the loop right around a step, and its visit "#2"; or NULL. */
struct marks {
	const char *iteration, *visit;
};

static struct marks find_marks(const char *path)
{
	struct marks m = {0};
	const char *name = NULL, *outer = NULL;
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		size_t digits = strspn(p + 1, "0123456789");
		if (digits == 0 || p[1 + digits] != '/')
			continue;
		p += 1 + digits; /* now at the slash before the name */
		outer = name;
		name = p + 1;
	}
	if (outer) {
		const char *end = strchr(outer, '/');
		const char *open =
			end ? memrchr(outer, '[', (size_t)(end - outer)) : NULL;
		m.iteration = open && strchr(open, ']') < end ? open : NULL;
	}
	m.visit = name ? strchr(name, '#') : NULL;
	return m;
}

/* The name, with the iteration before it and the visit after it: "[3] reserve #2". */
static char *label_of(const struct admin_step *s)
{
	struct marks m = find_marks(s->path);
	size_t n = m.iteration ? strcspn(m.iteration, "]") + 1 : 0;
	char *label = xasprintf("%.*s%s%s%s%s", (int)n, n ? m.iteration : "",
		n ? " " : "", s->name, m.visit ? " " : "", m.visit ? m.visit : "");
	char *safe = output_safe(label);
	free(label);
	return safe;
}

bool show_uncertain(const struct admin_step *s)
{
	return s->uncertain && s->phase != PHASE_COMPLETED && s->phase != PHASE_SKIPPED;
}

const struct admin_step *show_first_uncertain(const struct admin_steps *steps)
{
	const struct admin_step *found = NULL;
	for (size_t i = 0; i < steps->count; i++) {
		const struct admin_step *s = &steps->items[i];
		size_t n = found ? strlen(found->path) : 0;
		bool inside = found && strncmp(found->path, s->path, n) == 0 &&
			      s->path[n] == '/';
		if (show_uncertain(s) && (!found || inside))
			found = s;
	}
	return found;
}

/* Adds that it may have been done all the same, unless the text says so itself; takes the
 * text, which may be NULL. */
static char *with_doubt(char *text)
{
	size_t n = text ? strlen(text) : 0, end = strlen(MAY_BE_DONE);
	if (n >= end && strcmp(text + n - end, MAY_BE_DONE) == 0)
		return text;
	char *both = xasprintf("%s%s%s", text ? text : "", text ? "; " : "", MAY_BE_DONE);
	free(text);
	return both;
}

/* Why it was cancelled, or what went wrong, and whether it may have been done all the
 * same; caller frees. NULL: nothing. */
static char *note_of(const struct admin_step *s)
{
	char *why = s->reason  ? output_safe(s->reason)
		    : s->error ? show_problem(s->error)
			       : NULL;
	return show_uncertain(s) ? with_doubt(why) : why;
}

static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xC0) != 0x80;
	return n;
}

/* Of the terminal; as wide as may be where it is none. */
static size_t columns(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return SIZE_MAX;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20
		       ? size.ws_col
		       : 80;
}

/* "completed 1.2s", "faulted   3 attempts 40ms": what stands behind the name. */
static char *state_of(const struct admin_step *s, int64_t now)
{
	char span[SPAN_TEXT];
	struct buf b = {0};
	show_span(s->started_at, s->ended_at ? s->ended_at : now, span);
	buf_printf(&b, "%-9s", phase_name(s->phase));
	if (s->attempts > 1)
		buf_printf(&b, " %lld attempts", (long long)s->attempts);
	if (s->phase != PHASE_SKIPPED && s->phase != PHASE_PENDING)
		buf_printf(&b, " %s", span);
	return buf_take(&b);
}

static void print_step(const struct admin_step *s, int depth, int64_t now)
{
	int indent = 2 + 2 * depth, width = indent < LABEL - 4 ? LABEL - indent : 4;
	char *label = label_of(s), *state = state_of(s, now), *note = note_of(s);
	size_t used = width_of(label), pad = used < (size_t)width ? width - used : 0;
	output_print("%*s", indent, "");
	output_colour(show_colour(s->phase));
	output_print("%s", phase_symbol(s->phase, false));
	output_colour(COLOUR_NONE);
	output_print(" %s%*s %s", label, (int)pad, "", state);
	used += (size_t)indent + 2 + pad + 1 + width_of(state);
	if (note && used + 2 + width_of(note) > columns())
		output_print("\n%*s", indent + 4, "");
	else if (note)
		output_print("  ");
	output_print("%s\n", note ? note : "");
	free(label);
	free(state);
	free(note);
}

static void print_below(
	const struct admin_step *s, const struct attempts *attempts, int indent)
{
	size_t count;
	const struct attempt *a = attempts_of(attempts, s->path, &count);
	for (size_t i = 0; i < count; i++) {
		char *problem = a[i].error ? show_problem(a[i].error)
					   : xstrdup("nobody knows how it ended");
		char at[CLOCK_TEXT];
		clock_format(a[i].at, at);
		if (a[i].uncertain && a[i].error)
			problem = with_doubt(problem);
		output_print("%*sattempt %lld  %.19sZ  %s\n", indent, "",
			(long long)a[i].number, at, problem);
		free(problem);
	}
	if (!s->output)
		return;
	output_print("%*soutput ", indent, "");
	output_payload(s->output);
}

void show_steps(const struct admin_steps *steps, bool all,
	const struct attempts *attempts, int64_t now)
{
	struct fold fold;
	struct step_tree tree;
	fold_init(&fold, steps);
	step_tree_init(&tree, steps);
	if (tree.count)
		output_print("\nsteps\n");
	for (size_t i = 0; i < tree.count; i++) {
		const struct step_place *at = &tree.items[i];
		int64_t left_out = 0;
		const struct admin_step *s = &steps->items[at->index];
		bool hidden = !all && fold_hides(&fold, at->index, &left_out);
		if (!hidden)
			print_step(s, at->depth, now);
		if (!hidden && attempts)
			print_below(s, attempts, 6 + 2 * at->depth);
		if (left_out)
			output_print("%*s... %lld completed iteration%s (--all)\n",
				2 + 2 * at->depth, "", (long long)left_out,
				left_out == 1 ? "" : "s");
	}
	step_tree_finish(&tree);
	fold_finish(&fold);
}
