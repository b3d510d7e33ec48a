/* Opening a checkpoint: what a good one gives, which file a path means, and everything hostile that one may hold. */
#include "engine/predict/predictor.h"

#include <math.h>
#include <string.h>

#include "cli/registries.h"
#include "contract/rundir.h"
#include "lib/checkpoint_kit.h"
#include "lib/test.h"
#include "lib/world_sim.h"

static const char spec_fm[] =
    "{\"dataset\": {\"uri\": \"x\", \"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 12, \"embedding_dim\": 4}, "
    "\"features\": {\"hash_seed\": 5}, \"train\": {\"seed\": 8}}";
static const char spec_lr[] = "{\"dataset\": {\"uri\": \"x\", \"format\": \"libsvm\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 9}}";

static struct world_sim sim;
static struct checkpoint_kit kit;

static void scene(const char *spec)
{
    world_sim_init(&sim);
    checkpoint_kit_open(&kit, spec);
}

static void scene_close(void)
{
    checkpoint_kit_close(&kit);
    world_sim_close(&sim);
}

static struct batch some_rows(void)
{
    static uint32_t offsets[] = {0, 3, 3, 8}, keys[8] = {0, 1u << 20, 99u << 20, 7, 0xffffffffu, 1u << 31, 3u << 30, 12345678};
    static float labels[3];
    return (struct batch){.rows = 3, .features = 8, .offsets = offsets, .keys = keys, .labels = labels};
}

static void gives_back_the_model(void **state)
{
    (void)state;
    static const char *const specs[] = {spec_fm, spec_lr};
    for (int i = 0; i < 2; i++) {
        struct predictor p;
        struct scorer ours = {0}, theirs = {0};
        struct error err = {0};
        struct batch b = some_rows();
        scene(specs[i]);
        checkpoint_kit_write(&kit, &sim.world, "m.safetensors");
        assert_ok(predictor_open(&p, &sim.world, "m.safetensors", &registry_all, &err), &err);
        assert_string_equal(p.path, "m.safetensors");
        assert_int_equal(p.step, 12);
        assert_ptr_equal(p.use.model, kit.spec.chosen[SECTION_MODEL].kind);
        assert_ptr_equal(p.recipe.chosen[SECTION_FORMAT].kind, kit.spec.chosen[SECTION_FORMAT].kind);
        assert_int_equal(p.recipe.features.hash_seed, kit.spec.features.hash_seed);
        assert_ok(predictor_score(&p, &ours, &b, &err), &err);
        const struct model_use use = {p.use.model, kit.spec.chosen[SECTION_MODEL].params, p.use.shape, p.use.loss};
        assert_ok(scorer_forward(&theirs, &use, &kit.params, &b, &(struct scorer_mode){.training = false}, &err), &err);
        assert_memory_equal(ours.logits.data, theirs.logits.data, 3 * sizeof(float));
        assert_true(ours.logits.data[0] != ours.logits.data[1]);
        scorer_close(&ours), scorer_close(&theirs);
        predictor_close(&p), predictor_close(&p);
        scene_close();
    }
}

static void calibration_applies(void **state)
{
    (void)state;
    struct predictor p;
    struct scorer ours = {0}, theirs = {0};
    struct error err = {0};
    struct batch b = some_rows();
    float from[] = {-2, 0, 2}, to[] = {-3, -1, 0.5f};
    struct calibration c;
    scene(spec_fm);
    calibration_init(&c);
    c.logit_offset = -1.25, c.slope = 0.5, c.intercept = 0.125, c.count = 3, c.from = from, c.to = to;
    assert_ok(calibration_write(&c, kit.metadata, kit.tensors, &kit.count, &err), &err);
    checkpoint_kit_write(&kit, &sim.world, "m");
    assert_ok(predictor_open(&p, &sim.world, "m", &registry_all, &err), &err);
    assert_ok(predictor_score(&p, &ours, &b, &err), &err);
    assert_ok(scorer_forward(&theirs, &p.use, &kit.params, &b, &(struct scorer_mode){.training = false}, &err), &err);
    assert_true(ours.logits.data[0] != theirs.logits.data[0]);
    calibration_apply(&c, theirs.logits.data, 3);
    assert_memory_equal(ours.logits.data, theirs.logits.data, 3 * sizeof(float));
    scorer_close(&ours), scorer_close(&theirs);
    predictor_close(&p);
    scene_close();
}

/* A file is itself; a folder is its final model, or before there is one its newest checkpoint. */
static void path_means_a_file(void **state)
{
    (void)state;
    struct predictor p;
    struct error err = {0};
    scene(spec_lr);
    assert_ok(path_mkdirs(&sim.world, "run/checkpoints", &err), &err);
    assert_int_equal(predictor_open(&p, &sim.world, "run", &registry_all, &err), -ERROR_NOTFOUND);
    assert_error(&err, ERROR_NOTFOUND, "run has neither final.safetensors nor a checkpoint");
    error_clear(&err);
    assert_int_equal(predictor_open(&p, &sim.world, "nowhere", &registry_all, &err), -ERROR_NOTFOUND);
    error_clear(&err);
    static const char *const paths[] = {"run/checkpoints/000000000007.safetensors", "run/checkpoints/000000000030.safetensors",
                                        "run/final.safetensors"};
    for (int i = 0; i < 3; i++) {
        checkpoint_kit_write(&kit, &sim.world, paths[i]);
        assert_ok(predictor_open(&p, &sim.world, "run", &registry_all, &err), &err);
        assert_string_equal(p.path, paths[i]);
        predictor_close(&p);
    }
    assert_ok(path_mkdirs(&sim.world, "jobs/folds/0", &err), &err);
    assert_int_equal(predictor_open(&p, &sim.world, "jobs", &registry_all, &err), -ERROR_NOTFOUND);
    assert_error(&err, ERROR_NOTFOUND, "a model a fold: name one (jobs/folds/0)");
    scene_close();
}

static void alike_by_what_reads_rows(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *differs; /* NULL: alike */
    } rows[] = {
        {"{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"label\": \"y\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 9}, \"train\": "
         "{\"seed\": 9}}",
         NULL},
        {"{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"label\": \"z\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 9}}", "label"},
        {"{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"label\": \"y\", \"weight\": \"w\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 9}}",
         "dataset.weight"},
        {"{\"dataset\": {\"uri\": \"x\", \"format\": \"libsvm\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 9}}", "dataset.format"},
        {"{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"label\": \"y\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 9}, \"features\": "
         "{\"hash_seed\": 2}}",
         "features.hash_seed"},
    };
    struct predictor a, b;
    struct error err = {0};
    scene("{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"label\": \"y\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 12}}");
    checkpoint_kit_write(&kit, &sim.world, "a");
    assert_ok(predictor_open(&a, &sim.world, "a", &registry_all, &err), &err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        checkpoint_kit_close(&kit);
        checkpoint_kit_open(&kit, rows[i].spec);
        checkpoint_kit_write(&kit, &sim.world, "b");
        error_clear(&err);
        assert_ok(predictor_open(&b, &sim.world, "b", &registry_all, &err), &err);
        int rc = predictor_alike(&a, &b, &err);
        if (rows[i].differs) assert_error(&err, ERROR_INVALID, rows[i].differs);
        else assert_ok(rc, &err);
        predictor_close(&b);
    }
    predictor_close(&a);
    scene_close();
}

static void refused(const char *part)
{
    struct predictor p;
    struct error err = {0};
    checkpoint_kit_write(&kit, &sim.world, "m");
    assert_int_equal(predictor_open(&p, &sim.world, "m", &registry_all, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, part);
    assert_error(&err, ERROR_DATA, "m: ");
    assert_null(p.params.live); /* nothing is left open */
    assert_null(p.recipe.labels);
    scene_close();
}

static void metadata(const char *key, const char *value)
{
    if (value) json_object_set_new(kit.metadata, key, json_string(value));
    else json_object_del(kit.metadata, key);
}

static void hostile_metadata_is_refused(void **state)
{
    (void)state;
    struct predictor p;
    struct error err = {0};
    scene(spec_lr);
    metadata("recipe", NULL); /* an older trainyard's */
    checkpoint_kit_write(&kit, &sim.world, "m");
    assert_int_equal(predictor_open(&p, &sim.world, "m", &registry_all, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "m has no recipe");
    assert_error(&err, ERROR_DATA, "older trainyard");
    scene_close();
    scene(spec_lr), metadata("recipe", "{"), refused("recipe");
    scene(spec_lr), metadata("recipe", "{\"dataset\": {\"format\": \"libsvm\"}, \"model\": {\"kind\": \"gpt\"}}"), refused("\"gpt\" is not known");
    scene(spec_lr), metadata("recipe", "{\"dataset\": {\"format\": \"libsvm\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 31}}");
    refused("/model/hash_bits");
    scene(spec_lr), metadata("model", "fm"), refused("contradict each other");
    scene(spec_lr), metadata("logit_offset", "much"), refused("logit_offset");
    scene(spec_lr), metadata("step", "-3");
    checkpoint_kit_write(&kit, &sim.world, "m"); /* only told, so no reason to refuse */
    error_clear(&err);
    assert_ok(predictor_open(&p, &sim.world, "m", &registry_all, &err), &err);
    assert_int_equal(p.step, 0);
    predictor_close(&p);
    scene_close();
}

/* A recipe of another family or size than the tensors: each is missing something, or has another shape. */
static void recipe_of_another_model_is_refused(void **state)
{
    (void)state;
    scene(spec_lr), metadata("model", NULL),
        metadata("recipe", "{\"dataset\": {\"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 9}}");
    refused("tensor \"embedding\" is missing");
    scene(spec_fm),
        metadata("recipe", "{\"dataset\": {\"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 12, \"embedding_dim\": 5}}");
    refused("tensor \"embedding\" has another shape");
    scene(spec_fm),
        metadata("recipe", "{\"dataset\": {\"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 8, \"embedding_dim\": 4}}");
    refused("slots do not ascend below the table's size");
}

static void hostile_tensors_are_refused(void **state)
{
    (void)state;
    static uint32_t slots[CHECKPOINT_KIT_LIVE];
    static float knots[2] = {1, 1};
    scene(spec_fm), checkpoint_kit_find(&kit, "slots")->data = slots;
    refused("slots do not ascend");
    scene(spec_fm), kit.rows[2][5] = NAN;
    refused("tensor \"embedding\" has a value that is not finite");
    scene(spec_fm), checkpoint_kit_find(&kit, "bias")->name[0] = 'B';
    refused("tensor \"bias\" is missing");
    scene(spec_fm);
    kit.tensors[kit.count++] = (struct tensor){.name = "calibration.from", .dtype = TENSOR_F32, .dims = 1, .shape = {2}, .data = knots};
    refused("calibration.to");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(gives_back_the_model),        cmocka_unit_test(calibration_applies),
                                          cmocka_unit_test(path_means_a_file),           cmocka_unit_test(alike_by_what_reads_rows),
                                          cmocka_unit_test(hostile_metadata_is_refused), cmocka_unit_test(recipe_of_another_model_is_refused),
                                          cmocka_unit_test(hostile_tensors_are_refused)};
TEST_MAIN(tests)
