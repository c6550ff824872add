// main.cpp: learn on which side of a line points lie.
#include <array>
#include <iostream>
#include <random>
#include <vector>

#include "signs.hpp"

int main() {
    const int64_t batch = 64;
    std::mt19937 random(7);
    std::uniform_real_distribution<float> anywhere(-1, 1);
    std::vector<float> points(batch * 2), sides(batch);
    try {
        signs::model model(SIGNS_TRAIN, batch);
        for (int step = 1; step <= 300; ++step) {
            for (int64_t i = 0; i < batch; ++i) {
                const float x = points[2 * i] = anywhere(random), y = points[2 * i + 1] = anywhere(random);
                sides[i] = y > 0.5f * x - 0.1f ? 1.0f : 0.0f;
            }
            model.train_step(batch, points.data(), sides.data(), nullptr);
            if (step % 100 == 0) {
                std::array<float, SIGNS_NUM_METRICS> metrics;
                model.metrics(metrics.data());
                model.reset_metrics();
                std::cout << "step " << step << ", accuracy " << metrics[SIGNS_METRIC_ACCURACY] << "\n";
            }
        }
        model.predict(batch + 1, points.data(), sides.data()); // more than there is room for
    } catch (const signs::error &refused) {
        std::cout << "refused: " << refused.what() << "\n";
    }
    return 0;
}
